package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caseload-dev/caseload/internal/desk/api"
	"github.com/caseload-dev/caseload/internal/desk/store"
	"github.com/caseload-dev/caseload/internal/desk/store/sqlite"
)

func init() { commands = append(commands, newBackup, newRestore) }

// storeFile is the store's name in a desk's data folder.
const storeFile = "desk.db"

func newBackup() *cobra.Command {
	var connect connectFlags
	var output string
	command := &cobra.Command{
		Use:     "backup --output FILE",
		GroupID: "run",
		Short:   "Copy a running desk's store to a file",
		Long: `Copy the store of a running desk to a file: every ticket, customer and plan and the whole log, as of one instant.
The desk goes on meanwhile. The file has its name only once it is whole and on disk; one that is there is not
overwritten. caseload restore puts it back.

It takes the verb create on helpdesks/backups.`,
		Example: `  caseload backup --output acme-$(date +%F).db
  caseload backup --output - | gzip > acme.db.gz`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if output == "" {
				return errors.New("--output is needed: name a new file, or - for standard output")
			}
			desk, stop, err := connect.dial(command)
			if err != nil {
				return err
			}
			defer stop()
			if output == "-" {
				return desk.Backup(command.Context(), api.Call{}, command.OutOrStdout())
			}
			return backUpTo(command.Context(), desk, output, command.ErrOrStderr())
		},
	}
	connect.bind(command.Flags())
	command.Flags().StringVar(&output, "output", "", "new file to write (required); - for standard output")
	return command
}

// backUpTo writes the desk's store to a new file, and the progress to another writer.
func backUpTo(ctx context.Context, desk api.Service, path string, progress io.Writer) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w: name a new file", path, fs.ErrExist)
	}
	partial := path + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(partial) }()
	written := &progressWriter{w: file, out: progress, shown: time.Now()}
	err = desk.Backup(ctx, api.Call{}, written)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("the backup is not whole and was removed: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(progress, "%s: %s\n", path, humanize.IBytes(written.n))
	return err
}

// progressWriter tells each second how much was written.
type progressWriter struct {
	w, out io.Writer
	n      uint64
	shown  time.Time
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.n += uint64(n)
	if time.Since(p.shown) >= time.Second {
		p.shown = time.Now()
		_, _ = fmt.Fprintf(p.out, "%s so far\n", humanize.IBytes(p.n))
	}
	return n, err
}

func newRestore() *cobra.Command {
	var data string
	var force bool
	command := &cobra.Command{
		Use:     "restore FILE --data DIR",
		GroupID: "run",
		Short:   "Put a backup in the place of a stopped desk's store",
		Long: `Put a backup in the place of the store in a desk's data folder. The desk must not run. The backup is checked whole
first. With --force a store that is there gives way and stays beside the new one, under the name that is printed.

FILE - reads standard input, so that a pod with the desk's volume can restore what kubectl sends it:

  kubectl annotate helpdesk acme support.caseload.dev/paused=true    # so that the operator does not start the desk
  kubectl scale statefulset acme-desk --replicas=0
  kubectl run -i --rm ... -- restore - --data=/var/lib/caseload --force < acme.db
  kubectl annotate helpdesk acme support.caseload.dev/paused-        # the operator starts the desk again

docs/api.md has the whole kubectl run.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if data == "" {
				return errors.New("--data is needed: the data folder of the desk")
			}
			return restore(command.Context(), args[0], data, force, command.InOrStdin(), command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&data, "data", "", "data folder of the desk (required), created if it is not there")
	command.Flags().BoolVar(&force, "force", false, "replace a store that is there; it stays beside the new one")
	return command
}

func restore(ctx context.Context, backup, data string, force bool, in io.Reader, out io.Writer) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if backup == "-" {
		backup = filepath.Join(data, "restore.partial")
		defer func() { _ = os.Remove(backup) }()
		if err := receive(in, backup); err != nil {
			return fmt.Errorf("read the backup from standard input: %w", err)
		}
	}
	path := filepath.Join(data, storeFile)
	kept, err := sqlite.Restore(ctx, backup, path, force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: it would be replaced. With --force it gives way and stays beside the new one", err)
	}
	if err != nil {
		return err
	}
	if kept.Path != "" {
		_, _ = fmt.Fprintf(out, "The store that was there is now %s\n", kept.Path)
	}
	if kept.Apart != nil {
		_, _ = fmt.Fprintf(out, "Its last changes could not be written into it (%v). They are in %s: keep the two together\n", kept.Apart, kept.LogPath())
	}
	position, err := openRestored(ctx, path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s restored: its log ends at record %d. The desk may start.\n", path, position)
	return err
}

func receive(in io.Reader, path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, in)
	return errors.Join(err, file.Close())
}

// openRestored opens the store as a desk would, which also brings an older one up to date.
func openRestored(ctx context.Context, path string) (position int64, err error) {
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.View(ctx, func(r store.Reader) error {
		position, err = r.Position()
		return err
	})
	return position, err
}
