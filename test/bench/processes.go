package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/caseload-dev/caseload/internal/certificate"
	"github.com/caseload-dev/caseload/internal/cli"
)

const (
	// roleVariable makes this program play another one; profileVariable names the file for its CPU profile.
	roleVariable    = "CASELOAD_BENCH_ROLE"
	profileVariable = "CASELOAD_BENCH_PROFILE"

	roleCaseload = "caseload"
	roleTrivial  = "trivial"
)

// play is this program as the process that is measured; it returns the exit code.
func play(role string) int {
	if path := os.Getenv(profileVariable); path != "" {
		f, err := os.Create(path)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "Error: profile:", err)
			return 1
		}
		defer f.Close()
		defer pprof.StopCPUProfile()
	}
	if role == roleTrivial {
		return serveTrivial(os.Args[1], os.Args[2], os.Args[3])
	}
	return cli.Main()
}

const token = "bench"

// site is a folder with what a desk and its callers need.
type site struct {
	folder   string
	bundle   []byte
	profiles string
	part     string
	// env is what the processes find in their environment besides ours.
	env []string
	// deskArgs are arguments of the desk besides those that every part has.
	deskArgs []string
}

// newSite for a part, in a temporary folder on the disk that the system has for those.
func newSite(o options, part string) (*site, error) {
	folder, err := os.MkdirTemp("", "caseload-bench-")
	if err != nil {
		return nil, err
	}
	s := &site{folder: folder, profiles: o.profiles, part: part}
	state, _, err := certificate.Advance(certificate.State{}, certificate.Policy{Name: "bench", Hosts: []string{"localhost"}}, time.Now())
	if err != nil {
		return nil, err
	}
	s.bundle = state.Bundle()
	for name, content := range map[string]string{
		"ca.crt": string(s.bundle), "tls.crt": string(state.Serving.Certificate), "tls.key": string(state.Serving.Key),
		"token": token, "tokens.yaml": `{tokens: [{token: ` + token + `, user: bench, allow: ["*"]}]}`,
	} {
		if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) remove() { _ = os.RemoveAll(s.folder) }

// process that is measured.
type process struct {
	name    string
	command *exec.Cmd
	// ended is closed when the process has, with err.
	ended chan struct{}
	err   error
	// idle is its memory before the load.
	idle memory
}

// start a process of a name, which its profile is named after.
func (s *site) start(ctx context.Context, name, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: name, command: exec.CommandContext(ctx, self, args...), ended: make(chan struct{})}
	p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
	p.command.WaitDelay = 10 * time.Second
	p.command.Env = append(append(os.Environ(), s.env...), roleVariable+"="+role)
	if s.profiles != "" {
		p.command.Env = append(p.command.Env, profileVariable+"="+filepath.Join(s.profiles, s.part+"-"+name+".pprof"))
	}
	p.command.Stderr = os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.err = p.command.Wait()
	}()
	return p, nil
}

// ready waits until the process answers a probe.
func (p *process) ready(ctx context.Context, probe string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if res, err := http.Get("http://" + probe + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				p.idle = p.memory()
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w", p.name, p.err)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.name, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop the process as a pod is stopped.
func (p *process) stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	<-p.ended
	if p.err != nil {
		return fmt.Errorf("%s ended: %w", p.name, p.err)
	}
	return nil
}

// memory of a process in MiB; peak is the most that was resident at once.
type memory struct{ resident, anonymous, peak float64 }

// memory reads what Linux says; zero elsewhere.
func (p *process) memory() memory {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return memory{}
	}
	defer f.Close()
	var m memory
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			m.resident = kib / 1024
		case "RssAnon":
			m.anonymous = kib / 1024
		case "VmHWM":
			m.peak = kib / 1024
		}
	}
	return m
}

// cpu is the processor time that the process has used, as Linux says; zero elsewhere.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	// The fields behind the name, which may hold anything: user and system time are the 14th and 15th of all, in 1/100 s.
	_, behind, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(behind)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// freeAddress on the loopback interface.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// running is a desk with one queue worker.
type running struct {
	*site
	address      string
	desk, worker *process
}

// startDesk with a queue worker, on an empty store.
func startDesk(ctx context.Context, o options, part string) (_ *running, err error) {
	s, err := newSite(o, part)
	if err != nil {
		return nil, err
	}
	r := &running{site: s}
	defer func() {
		if err != nil {
			_ = r.stop()
		}
	}()
	return r, r.startOn(ctx)
}

// startOn what the site holds: a desk with a queue worker.
func (r *running) startOn(ctx context.Context) (err error) {
	s := r.site
	if r.address, r.desk, err = s.startDesk(ctx); err != nil {
		return err
	}
	probe, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(r.address)
	r.worker, err = s.start(ctx, "worker", roleCaseload, "worker", "--desk=https://localhost:"+port, "--ca-file="+s.path("ca.crt"),
		"--token-file="+s.path("token"), "--tier=front", "--name=bench", "--probe-listen="+probe, "--log-level=warn")
	if err != nil {
		return err
	}
	return r.worker.ready(ctx, probe)
}

// startDesk with the certificate of the site, on its store; an empty one unless it was stocked.
func (s *site) startDesk(ctx context.Context) (address string, desk *process, err error) {
	var probe string
	for _, free := range []*string{&address, &probe} {
		if *free, err = freeAddress(); err != nil {
			return "", nil, err
		}
	}
	args := []string{
		"desk", "--help-desk=bench", "--data=" + s.path("data"), "--tls-dir=" + s.folder,
		"--local-tokens=" + s.path("tokens.yaml"), "--listen=" + address, "--probe-listen=" + probe, "--log-level=warn",
	}
	desk, err = s.start(ctx, "desk", roleCaseload, append(args, s.deskArgs...)...)
	if err != nil {
		return "", nil, err
	}
	return address, desk, desk.ready(ctx, probe)
}

func (r *running) stop() error {
	var errs []error
	for _, p := range []*process{r.worker, r.desk} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	r.remove()
	return errors.Join(errs...)
}
