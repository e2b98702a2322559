// Command pack writes images of package workloads as docker-archives: pack -o DIR postgres redis makes DIR/postgres.tar and
// DIR/redis.tar. Their names inside are those of the package, for example postgres:debian.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bailey-run/bailey/test/harness/debian"
	"github.com/bailey-run/bailey/test/workloads"
)

func main() {
	dir := flag.String("o", ".", "the `directory` to write to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := pack(ctx, *dir, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes the images with these names, one after the other.
func pack(ctx context.Context, dir string, names []string) error {
	known := map[string]debian.Image{}
	for _, image := range workloads.All() {
		name, _, _ := strings.Cut(image.Tag, ":")
		known[name] = image
	}
	for _, name := range names {
		image, ok := known[name]
		if !ok {
			return fmt.Errorf("no workload is called %s", name)
		}
		file, err := os.Create(filepath.Join(dir, name+".tar"))
		if err != nil {
			return err
		}
		if err := errors.Join(image.Write(ctx, file), file.Close()); err != nil {
			return err
		}
		fmt.Println(file.Name())
	}
	return nil
}
