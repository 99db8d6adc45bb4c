// Package demo runs a support organisation from its manifests in one process: desk, queue workers, and a load that plays
// customers and agents. Everything is what a cluster runs, but for the manager, whose part it plays.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/caseload-dev/caseload/internal/desk"
	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/auth"
	"github.com/caseload-dev/caseload/internal/desk/client"
	"github.com/caseload-dev/caseload/internal/desk/feed"
	"github.com/caseload-dev/caseload/internal/desk/page"
	"github.com/caseload-dev/caseload/internal/desk/server"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
	"github.com/caseload-dev/caseload/internal/manifest"
	"github.com/caseload-dev/caseload/internal/outbox"
	"github.com/caseload-dev/caseload/internal/plan"
)

// Options of a Demo.
type Options struct {
	// Paths of the manifests, read again when they change; none: Files.
	Paths []string
	Files fs.FS
	// HelpDesk to run; empty: the only one there is.
	HelpDesk string
	// Data is the folder of the store; it is created.
	Data string
	// NotifiersDir has a file for each notifier of the HelpDesk with the URL of its service; empty: nothing is sent.
	NotifiersDir string
	// Listen is a loopback address.
	Listen string
	Logger *slog.Logger
	// Changed is told of each reading of the manifests: what is wrong with them, and the revision in force.
	Changed func(problems []manifest.Problem, revision int64)
}

// Demo is a running desk with its workers.
type Demo struct {
	Options
	// URL of the desk's API, the token to show there, and the file that has it.
	URL, Token, TokenFile string
	// Desk is a client of the API.
	Desk api.Service

	desk     *desk.Desk
	store    *sqlite.Store
	server   *server.Server
	listener net.Listener
	target   manifest.Desk
	entries  []plan.Entry
	workers  *workers
}

// TokenName is the file with the token in the folder of the store. The token stays while the folder does.
const TokenName = "token"

// Start opens the store, activates the plan of the manifests and listens. Run serves. Manifests that do not compile to a
// HelpDesk are an error; other problems leave the object out, and Changed hears of them.
func Start(ctx context.Context, o Options) (_ *Demo, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Demo{Options: o}
	set, err := d.load()
	if err != nil {
		return nil, err
	}
	if d.target, err = set.Desk(o.HelpDesk); err != nil {
		return nil, err
	}
	if d.listener, err = listenLoopback(o.Listen); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, err
	}
	if d.store, err = sqlite.Open(ctx, filepath.Join(o.Data, "desk.db"), sqlite.Options{}); err != nil {
		return nil, err
	}
	d.URL = "http://" + d.listener.Addr().String()
	d.desk, err = desk.New(desk.Options{
		Store: d.store, HelpDesk: d.target.Name, Logger: o.Logger, TempDir: o.Data,
		Address: d.URL, NotifierURL: outbox.URLsIn(o.NotifiersDir),
	})
	if err != nil {
		return nil, err
	}
	if err := d.serveLocally(); err != nil {
		return nil, err
	}
	d.workers = newWorkers(d.desk, o.Logger)
	active, err := d.desk.PlanEntries(ctx, local, 0)
	if err == nil {
		d.entries = active.Entries
	}
	return d, d.apply(ctx, set)
}

// local is this process in the log.
var local = api.Call{Actor: "demo", Manage: true}

func (d *Demo) load() (*manifest.Set, error) {
	if len(d.Paths) > 0 {
		return manifest.Load(d.Paths, nil)
	}
	return manifest.LoadFS(d.Files)
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %s: the demo serves without TLS, so on the loopback interface only, such as 127.0.0.1:0", address)
	}
	return net.Listen("tcp", address)
}

// serveLocally makes the server of the API, for whoever can read the token's file.
func (d *Demo) serveLocally() error {
	d.TokenFile = filepath.Join(d.Data, TokenName)
	kept, err := os.ReadFile(d.TokenFile)
	if errors.Is(err, fs.ErrNotExist) {
		kept = []byte(rand.Text())
		err = os.WriteFile(d.TokenFile, kept, 0o600)
	}
	if err != nil {
		return err
	}
	d.Token = string(kept)
	users, err := auth.NewLocal(auth.LocalToken{Token: d.Token, User: "demo", Allow: []string{"*"}})
	if err != nil {
		return err
	}
	d.server, err = server.New(d.desk, server.Options{
		HelpDesk: d.target.Name, Authenticator: users, Authorizer: users, Logger: d.Logger,
		Page: page.New(d.desk, d.target.Name, d.Logger), Feeds: feed.New(d.desk, d.Logger),
	})
	if err != nil {
		return err
	}
	d.Desk, err = client.New(client.Options{URL: d.URL, Token: d.Token})
	return err
}

// apply compiles the manifests onto the plan in force and activates what comes of it.
func (d *Demo) apply(ctx context.Context, set *manifest.Set) error {
	active, err := d.desk.Plan(ctx, local)
	ifMatch := "*"
	if err == nil && active.Revision > 0 {
		ifMatch = active.Hash
	}
	declared := set.Declared(d.target)
	result := plan.Compile(declared, d.entries)
	pushed, err := d.desk.PushPlan(ctx, local, ifMatch, api.PushPlan{Manifest: result.Manifest, Entries: result.Entries})
	if err != nil {
		return fmt.Errorf("activate the plan: %w", err)
	}
	d.entries = result.Entries
	d.workers.want(result.Entries, declared.Declared)
	if d.Changed != nil {
		d.Changed(set.Check(), pushed.Revision)
	}
	return nil
}

// Run serves until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.desk.Run(ctx) })
	g.Go(func() error { return d.server.Serve(ctx, d.listener, nil) })
	g.Go(func() error { return d.workers.run(ctx) })
	if len(d.Paths) > 0 {
		g.Go(func() error { d.watch(ctx); return nil })
	}
	return errors.Join(g.Wait(), d.Close())
}

// Close ends what Start opened. Run does it itself.
func (d *Demo) Close() error {
	err := d.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if d.store != nil {
		err = errors.Join(err, d.store.Close())
		d.store = nil
	}
	return err
}

// SomeAgent is the first agent of the plan by name; empty if it has none.
func (d *Demo) SomeAgent() string {
	for _, e := range d.entries {
		if e.Kind == plan.KindAgent {
			return e.Name
		}
	}
	return ""
}

// watchEvery is how often the files are looked at.
const watchEvery = 500 * time.Millisecond

// watch reads the manifests again when a file has changed.
func (d *Demo) watch(ctx context.Context) {
	before := fingerprint(d.Paths)
	for sleep(ctx, watchEvery) == nil {
		now := fingerprint(d.Paths)
		if now == before {
			continue
		}
		before = now
		set, err := d.load()
		if err == nil {
			err = d.apply(ctx, set)
		}
		if err != nil {
			d.Logger.Error("the plan stays as it was", "error", err)
		}
	}
}

// fingerprint of the files below the paths: a change of one changes it.
func fingerprint(paths []string) string {
	var print string
	for _, path := range paths {
		_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				print += fmt.Sprintln(name, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	return print
}
