package controllers

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/caseload-dev/caseload/api/v1alpha1"
	"github.com/caseload-dev/caseload/internal/desk/api"
	deskclient "github.com/caseload-dev/caseload/internal/desk/client"
)

// desks connects to desks by HTTPS, and keeps the connections.
type desks struct {
	reader    client.Reader
	tokenFile string

	mu    sync.Mutex
	known map[types.NamespacedName]deskConnection
}

type deskConnection struct {
	bundle string
	client *deskclient.Client
}

// connect to a desk, trusting the authorities announced for it.
func (d *desks) connect(ctx context.Context, h *v1alpha1.HelpDesk) (api.Service, error) {
	var authorities corev1.ConfigMap
	name := types.NamespacedName{Namespace: h.Namespace, Name: DeskCAName(h.Name)}
	if err := d.reader.Get(ctx, name, &authorities); err != nil {
		return nil, fmt.Errorf("read the desk's authorities: %w", err)
	}
	bundle := authorities.Data[caKey]

	d.mu.Lock()
	defer d.mu.Unlock()
	key := client.ObjectKeyFromObject(h)
	if known, ok := d.known[key]; ok {
		if known.bundle == bundle {
			return known.client, nil
		}
		known.client.CloseIdleConnections()
	}
	c, err := deskclient.New(deskclient.Options{
		URL:       "https://" + DeskHost(h.Namespace, h.Name),
		CAData:    []byte(bundle),
		TokenFile: d.tokenFile,
		UserAgent: "caseload-manager",
		RetryFor:  -1, // the workqueue tries again
	})
	if err != nil {
		return nil, err
	}
	if d.known == nil {
		d.known = map[types.NamespacedName]deskConnection{}
	}
	d.known[key] = deskConnection{bundle: bundle, client: c}
	return c, nil
}

// forget a HelpDesk that is gone.
func (d *desks) forget(helpDesk types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.known[helpDesk]; ok {
		known.client.CloseIdleConnections()
		delete(d.known, helpDesk)
	}
}
