package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // the types that client-go's port forwarding takes
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// deskPort is the port of the desk's container.
const deskPort = 8443

// tunnel forwards connections to the desk's pod through the kube-apiserver. It opens again when the pod was replaced.
type tunnel struct {
	kube      kubernetes.Interface
	config    *rest.Config
	namespace string
	pod       string

	mu      sync.Mutex
	address string
	stop    chan struct{}
	done    chan struct{}
}

// dial connects to the desk, whatever the address.
func (t *tunnel) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	address := t.address
	t.mu.Unlock()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// open starts forwarding unless that goes on already.
func (t *tunnel) open(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done != nil {
		select {
		case <-t.done:
		default:
			return nil
		}
	}
	if err := t.checkPod(ctx); err != nil {
		return err
	}
	dialer, err := t.dialer()
	if err != nil {
		return err
	}
	t.stop, t.done = make(chan struct{}), make(chan struct{})
	ready := make(chan struct{})
	ports := []string{fmt.Sprintf("0:%d", deskPort)}
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, ports, t.stop, ready, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func(done chan struct{}) {
		defer close(done)
		ended <- forwarder.ForwardPorts()
	}(t.done)
	select {
	case <-ready:
	case err := <-ended:
		return fmt.Errorf("forward a port to pod %s in namespace %s: %w (it takes the verb create on pods/portforward)", t.pod, t.namespace, err)
	case <-ctx.Done():
		close(t.stop)
		<-t.done
		return ctx.Err()
	}
	local, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	t.address = fmt.Sprintf("127.0.0.1:%d", local[0].Local)
	return nil
}

// checkPod says what is the matter with a pod that cannot be reached.
func (t *tunnel) checkPod(ctx context.Context) error {
	pod, err := t.kube.CoreV1().Pods(t.namespace).Get(ctx, t.pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the desk's pod %s does not exist in namespace %s: is the name of the HelpDesk right, and does the operator run? kubectl -n %s get helpdesks", t.pod, t.namespace, t.namespace)
	case apierrors.IsForbidden(err):
		return nil // to forward is another permission
	case err != nil:
		return err
	case pod.Status.Phase != corev1.PodRunning:
		return fmt.Errorf("the desk's pod %s is %s: kubectl -n %s describe pod %s says why", t.pod, pod.Status.Phase, t.namespace, t.pod)
	}
	return nil
}

// dialer speaks WebSocket, or SPDY to a kube-apiserver or proxy that does not.
func (t *tunnel) dialer() (httpstream.Dialer, error) {
	target := t.kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.namespace).Name(t.pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(t.config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialer(target, t.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialer(overWebSocket, overSPDY, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

func (t *tunnel) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		return
	}
	select {
	case <-t.done:
	default:
		close(t.stop)
		<-t.done
	}
}
