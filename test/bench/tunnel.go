package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
)

// tunnel is an HTTP proxy that leads whoever asks for any host to one address: the name of a desk's Service means nothing
// outside a cluster.
type tunnel struct {
	*httptest.Server
	address atomic.Value
}

func newTunnel() *tunnel {
	t := &tunnel{}
	t.address.Store("")
	t.Server = httptest.NewServer(t)
	return t
}

func (t *tunnel) leadTo(address string) { t.address.Store(address) }

func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	desk, err := net.Dial("tcp", t.address.Load().(string))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	caller, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = desk.Close()
		return
	}
	_, _ = io.WriteString(caller, "HTTP/1.1 200 OK\r\n\r\n")
	for from, to := range map[net.Conn]net.Conn{caller: desk, desk: caller} {
		go func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
		}()
	}
}
