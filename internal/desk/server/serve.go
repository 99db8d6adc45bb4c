package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// drainTimeout is how long calls under way may take once the server stops.
const drainTimeout = 20 * time.Second

// Serve serves the API on the listener, by TLS unless config is nil, until ctx ends. Then calls that wait are answered,
// the others finish, and it returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	server := &http.Server{
		Handler:           s,
		TLSConfig:         config,
		ReadHeaderTimeout: 10 * time.Second,
		// Longer than any call waits and any body but a plan's may take to come.
		ReadTimeout:    90 * time.Second,
		WriteTimeout:   3 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		// A caller who is gone without a word is noticed within 5 seconds: a worker's pools then go to others.
		HTTP2:    &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 3 * time.Second},
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.EndWaits)
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		drained <- server.Shutdown(timeout)
	})
	var err error
	if config != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-drained; err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
