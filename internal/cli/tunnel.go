package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

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

// tunnel connects to the desk's pod through the kube-apiserver. Each connection has a forwarding of its own: one that a
// vanished pod leaves hanging holds up no other.
type tunnel struct {
	kube      kubernetes.Interface
	config    *rest.Config
	namespace string
	pod       string
	// first connection, made to see that there is a way; the first dial takes it.
	first chan net.Conn
}

// openTunnel to a pod, which must run.
func openTunnel(ctx context.Context, kube kubernetes.Interface, config *rest.Config, namespace, pod string) (*tunnel, error) {
	t := &tunnel{kube: kube, config: config, namespace: namespace, pod: pod, first: make(chan net.Conn, 1)}
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	t.first <- conn
	return t, nil
}

// dial connects to the desk, whatever the address.
func (t *tunnel) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	select {
	case conn := <-t.first:
		return conn, nil
	default:
		return t.connect(ctx)
	}
}

// close the connection that nobody took.
func (t *tunnel) close() {
	select {
	case conn := <-t.first:
		_ = conn.Close()
	default:
	}
}

func (t *tunnel) connect(ctx context.Context) (net.Conn, error) {
	connection, data, err := t.forward()
	if err != nil {
		if why := t.checkPod(ctx); why != nil {
			return nil, why
		}
		return nil, fmt.Errorf("forward a port to pod %s in namespace %s: %w (it takes the verb create on pods/portforward)", t.pod, t.namespace, err)
	}
	// A pipe has the deadlines that a stream lacks.
	near, far := net.Pipe()
	go func() {
		_, _ = io.Copy(far, data)
		_ = far.Close()
	}()
	go func() {
		_, _ = io.Copy(data, far)
		_ = connection.Close()
		_ = far.Close()
	}()
	return near, nil
}

// forward the desk's port: a stream for the data, after one by which the other side says what went wrong.
func (t *tunnel) forward() (connection httpstream.Connection, data httpstream.Stream, err error) {
	dialer, err := t.dialer()
	if err != nil {
		return nil, nil, err
	}
	connection, _, err = dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = connection.Close()
		}
	}()
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(deskPort))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	failure, err := connection.CreateStream(headers)
	if err != nil {
		return nil, nil, err
	}
	if err = failure.Close(); err != nil { // nothing is written to it
		return nil, nil, err
	}
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	if data, err = connection.CreateStream(headers); err != nil {
		return nil, nil, err
	}
	go func() {
		// It ends with the connection; before that, what it says is that the pod's side is gone.
		if message, _ := io.ReadAll(failure); len(message) > 0 {
			_ = connection.Close()
		}
	}()
	return connection, data, nil
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
