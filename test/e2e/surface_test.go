package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/bailey-run/bailey/internal/image/imagetest"
	"github.com/bailey-run/bailey/test/harness"
)

// surface uses every method that Docker's Go client has for containers, processes in them and images. What one leaves, the
// next finds, in this order.
type surface struct {
	*harness.Node
	id    string // a container that runs, can write to its root and has a terminal
	exec  string // a process in it
	image string // made of it
}

// elsewhere are methods that have tests of their own, by where.
var elsewhere = map[string]string{
	"ImageBuild": "the tests of builds", "ImagePull": "TestRegistry", "ImagePush": "TestRegistry", "DistributionInspect": "TestRegistry",
}

// TestGoClient: Docker's Go client can do everything that it has for containers and images, and the list is complete.
func TestGoClient(t *testing.T) {
	const allow = "[[allow]]\nrule = %q\ncallers = [\"*\"]\nreason = \"this test\"\n"
	node := harness.New(t, harness.Options{Policy: strings.ReplaceAll(allow, "%q", `"commit"`) + strings.ReplaceAll(allow, "%q", `"writable-root"`)})
	s := &surface{Node: node}
	steps := slices.Concat(s.beginning(), s.processes(), s.files(), s.life(), s.images())
	used := map[string]bool{}
	for _, step := range steps {
		used[step.method] = true
		if !t.Run(step.method, step.do) {
			t.Fatal("what comes next builds on this")
		}
	}
	methods := reflect.TypeFor[*client.Client]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		about := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if slices.ContainsFunc([]string{"Container", "Exec", "Image", "Distribution"}, about) && !used[name] && elsewhere[name] == "" {
			t.Errorf("nothing uses %s", name)
		}
	}
}

// step uses one method.
type step struct {
	method string
	do     func(*testing.T)
}

// must fails a test for an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *surface) beginning() []step {
	return []step{
		{"ContainerCreate", func(t *testing.T) {
			made, err := s.Client.ContainerCreate(t.Context(), client.ContainerCreateOptions{
				Name: "first", Config: &container.Config{Image: harness.Image, Tty: true, OpenStdin: true, Cmd: []string{"sh", "-c", "echo ready; read a; echo got $a; sleep 1000"},
					Labels: map[string]string{"which": "first"}},
				HostConfig: &container.HostConfig{SecurityOpt: []string{"rootfs=writable"}},
			})
			must(t, err)
			s.id = made.ID
		}},
		{"ContainerAttach", func(t *testing.T) {
			session, err := s.Client.ContainerAttach(t.Context(), s.id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true})
			must(t, err)
			defer session.Close()
			_, err = s.Client.ContainerStart(t.Context(), s.id, client.ContainerStartOptions{})
			must(t, err)
			line, err := session.Reader.ReadString('\n')
			if err != nil || line != "ready\r\n" {
				t.Fatalf("%q %v", line, err)
			}
			_, err = session.Conn.Write([]byte("word\n"))
			must(t, err)
			for !strings.Contains(line, "got word") {
				line, err = session.Reader.ReadString('\n')
				must(t, err)
			}
		}},
		{"ContainerStart", func(t *testing.T) { // it runs: started again, nothing happens
			_, err := s.Client.ContainerStart(t.Context(), s.id, client.ContainerStartOptions{})
			must(t, err)
		}},
		{"ContainerInspect", func(t *testing.T) {
			got, err := s.Client.ContainerInspect(t.Context(), "first", client.ContainerInspectOptions{Size: true})
			must(t, err)
			if c := got.Container; c.ID != s.id || !c.State.Running || c.SizeRootFs == nil || c.ImageManifestDescriptor == nil {
				t.Errorf("%+v", c)
			}
		}},
		{"ContainerList", func(t *testing.T) {
			for filter, want := range map[string]int{"label=which=first": 1, "label!=which": 0, "status=running": 1, "ancestor=" + harness.Image: 1, "name=^first$": 1, "exited=0": 0, "is-task=true": 0} {
				key, value, _ := strings.Cut(filter, "=")
				got, err := s.Client.ContainerList(t.Context(), client.ContainerListOptions{Size: true, Filters: make(client.Filters).Add(key, value)})
				if err != nil || len(got.Items) != want {
					t.Errorf("%s: %d containers, %v", filter, len(got.Items), err)
				}
			}
		}},
		{"ContainerLogs", func(t *testing.T) {
			out, err := s.Client.ContainerLogs(t.Context(), s.id, client.ContainerLogsOptions{ShowStdout: true, Timestamps: true, Tail: "all"})
			must(t, err)
			text, err := io.ReadAll(out)
			if err != nil || !bytes.Contains(text, []byte("Z ready\r\n")) {
				t.Errorf("%q %v", text, err)
			}
			must(t, out.Close())
		}},
		{"ContainerResize", func(t *testing.T) {
			_, err := s.Client.ContainerResize(t.Context(), s.id, client.ContainerResizeOptions{Height: 33, Width: 111})
			must(t, err)
		}},
		{"ContainerTop", func(t *testing.T) {
			got, err := s.Client.ContainerTop(t.Context(), s.id, client.ContainerTopOptions{Arguments: []string{"-o", "pid,args"}})
			if err != nil || len(got.Processes) == 0 || len(got.Titles) != 2 {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ContainerStats", func(t *testing.T) {
			got, err := s.Client.ContainerStats(t.Context(), s.id, client.ContainerStatsOptions{})
			must(t, err)
			defer got.Body.Close()
			var sample container.StatsResponse
			if err := json.NewDecoder(got.Body).Decode(&sample); err != nil || sample.MemoryStats.Usage == 0 || sample.ID != s.id {
				t.Errorf("%+v %v", sample, err)
			}
		}},
	}
}

func (s *surface) processes() []step {
	return []step{
		{"ExecCreate", func(t *testing.T) {
			made, err := s.Client.ExecCreate(t.Context(), s.id, client.ExecCreateOptions{Cmd: []string{"cat"}, AttachStdin: true, AttachStdout: true, AttachStderr: true, TTY: true})
			must(t, err)
			s.exec = made.ID
		}},
		{"ExecAttach", func(t *testing.T) {
			session, err := s.Client.ExecAttach(t.Context(), s.exec, client.ExecAttachOptions{TTY: true})
			must(t, err)
			_, err = session.Conn.Write([]byte("typed\n"))
			must(t, err)
			if line, err := session.Reader.ReadString('\n'); err != nil || !strings.Contains(line, "typed") {
				t.Errorf("%q %v", line, err)
			}
			t.Cleanup(session.Close) // it runs on for the next steps
		}},
		{"ExecResize", func(t *testing.T) {
			made, err := s.Client.ExecCreate(t.Context(), s.id, client.ExecCreateOptions{Cmd: []string{"sleep", "1000"}, TTY: true})
			must(t, err)
			_, err = s.Client.ExecResize(t.Context(), made.ID, client.ExecResizeOptions{Height: 20, Width: 50})
			if !errdefs.IsConflict(err) {
				t.Errorf("resized before it runs: %v", err)
			}
			_, err = s.Client.ExecStart(t.Context(), made.ID, client.ExecStartOptions{Detach: true, TTY: true})
			must(t, err)
			_, err = s.Client.ExecResize(t.Context(), made.ID, client.ExecResizeOptions{Height: 20, Width: 50})
			must(t, err)
		}},
		{"ExecStart", func(t *testing.T) {
			made, err := s.Client.ExecCreate(t.Context(), s.id, client.ExecCreateOptions{Cmd: []string{"sh", "-c", "echo changed > /changed; exit 5"}})
			must(t, err)
			s.exec = made.ID
			_, err = s.Client.ExecStart(t.Context(), made.ID, client.ExecStartOptions{Detach: true})
			must(t, err)
		}},
		{"ExecInspect", func(t *testing.T) {
			eventually(t, 30*time.Second, "the process to end with its status", func() bool {
				got, err := s.Client.ExecInspect(t.Context(), s.exec, client.ExecInspectOptions{})
				must(t, err)
				return !got.Running && got.ExitCode == 5
			})
		}},
	}
}

func (s *surface) files() []step {
	return []step{
		{"ContainerDiff", func(t *testing.T) {
			got, err := s.Client.ContainerDiff(t.Context(), s.id, client.ContainerDiffOptions{})
			if err != nil || !slices.Contains(got.Changes, container.FilesystemChange{Path: "/changed", Kind: container.ChangeAdd}) {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ContainerStatPath", func(t *testing.T) {
			got, err := s.Client.ContainerStatPath(t.Context(), s.id, client.ContainerStatPathOptions{Path: "/changed"})
			if err != nil || got.Stat.Name != "changed" || got.Stat.Size != int64(len("changed\n")) {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"CopyToContainer", func(t *testing.T) {
			archive := bytes.NewReader(imagetest.Tar(imagetest.Reg("sent", "text")))
			_, err := s.Client.CopyToContainer(t.Context(), s.id, client.CopyToContainerOptions{DestinationPath: "/", Content: archive})
			must(t, err)
		}},
		{"CopyFromContainer", func(t *testing.T) {
			got, err := s.Client.CopyFromContainer(t.Context(), s.id, client.CopyFromContainerOptions{SourcePath: "/sent"})
			must(t, err)
			defer got.Content.Close()
			r := tar.NewReader(got.Content)
			if h, err := r.Next(); err != nil || h.Name != "sent" {
				t.Fatalf("%+v %v", h, err)
			}
			if text, err := io.ReadAll(r); err != nil || string(text) != "text" {
				t.Errorf("%q %v", text, err)
			}
		}},
		{"ContainerExport", func(t *testing.T) {
			out, err := s.Client.ContainerExport(t.Context(), s.id, client.ContainerExportOptions{})
			must(t, err)
			defer out.Close()
			if !holds(t, out, "changed") {
				t.Error("a file of the container is not in the archive")
			}
		}},
		{"ContainerCommit", func(t *testing.T) {
			made, err := s.Client.ContainerCommit(t.Context(), s.id, client.ContainerCommitOptions{
				Reference: "made:1", Comment: "why", Author: "somebody", Changes: []string{`CMD ["cat", "/changed"]`, "ENV where=$HOME/x where2=${where}"},
			})
			must(t, err)
			s.image = made.ID
			options := client.ContainerCreateOptions{Name: "second", Config: &container.Config{Image: "made:1"}, HostConfig: &container.HostConfig{}}
			launch(t, s.Node, options)
			eventually(t, 30*time.Second, "the image that was made to run", func() bool {
				out, err := logged(t.Context(), s.Node, "second")
				return err == nil && out == "changed\n"
			})
		}},
	}
}

// holds tells whether an archive has a file of that name.
func holds(t *testing.T, archive io.Reader, name string) bool {
	t.Helper()
	for r := tar.NewReader(archive); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return false
		}
		must(t, err)
		if h.Name == name {
			_, err := io.Copy(io.Discard, archive)
			must(t, err)
			return true
		}
	}
}

func (s *surface) life() []step {
	return []step{
		{"ContainerPause", func(t *testing.T) {
			_, err := s.Client.ContainerPause(t.Context(), s.id, client.ContainerPauseOptions{})
			must(t, err)
		}},
		{"ContainerUnpause", func(t *testing.T) {
			_, err := s.Client.ContainerUnpause(t.Context(), s.id, client.ContainerUnpauseOptions{})
			must(t, err)
		}},
		{"ContainerRename", func(t *testing.T) {
			_, err := s.Client.ContainerRename(t.Context(), "first", client.ContainerRenameOptions{NewName: "renamed"})
			must(t, err)
		}},
		{"ContainerUpdate", func(t *testing.T) {
			_, err := s.Client.ContainerUpdate(t.Context(), "renamed", client.ContainerUpdateOptions{Resources: &container.Resources{Memory: 64 << 20}})
			must(t, err)
			if got := inspect(t, s.Node, "renamed"); got.HostConfig.Memory != 64<<20 {
				t.Errorf("%d", got.HostConfig.Memory)
			}
		}},
		{"ContainerRestart", func(t *testing.T) {
			_, err := s.Client.ContainerRestart(t.Context(), s.id, client.ContainerRestartOptions{Timeout: new(int)})
			must(t, err)
		}},
		{"ContainerKill", func(t *testing.T) {
			_, err := s.Client.ContainerKill(t.Context(), s.id, client.ContainerKillOptions{Signal: "SIGWINCH"})
			must(t, err)
		}},
		{"ContainerWait", func(t *testing.T) {
			waits := s.Client.ContainerWait(t.Context(), s.id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
			_, err := s.Client.ContainerKill(t.Context(), s.id, client.ContainerKillOptions{})
			must(t, err)
			select {
			case got := <-waits.Result:
				if got.StatusCode != 137 {
					t.Errorf("%+v", got)
				}
			case err := <-waits.Error:
				t.Error(err)
			}
		}},
		{"ContainerStop", func(t *testing.T) { // it is stopped: nothing happens
			_, err := s.Client.ContainerStop(t.Context(), s.id, client.ContainerStopOptions{})
			must(t, err)
		}},
		{"ContainerRemove", func(t *testing.T) {
			_, err := s.Client.ContainerRemove(t.Context(), s.id, client.ContainerRemoveOptions{RemoveVolumes: true})
			must(t, err)
		}},
		{"ContainerPrune", func(t *testing.T) {
			got, err := s.Client.ContainerPrune(t.Context(), client.ContainerPruneOptions{})
			if err != nil || len(got.Report.ContainersDeleted) != 1 {
				t.Errorf("%+v %v", got, err)
			}
		}},
	}
}

func (s *surface) images() []step {
	return []step{
		{"ImageInspect", func(t *testing.T) {
			got, err := s.Client.ImageInspect(t.Context(), "made:1", client.ImageInspectWithManifests(true))
			must(t, err)
			if got.ID != s.image || got.Author != "somebody" || got.Comment != "why" || len(got.Manifests) != 1 || !got.Manifests[0].Available {
				t.Errorf("%+v", got)
			}
			if !slices.Contains(got.Config.Env, "where=/x") && !slices.Contains(got.Config.Env, "where=/root/x") {
				t.Errorf("%q", got.Config.Env)
			}
		}},
		{"ImageList", func(t *testing.T) {
			for filter, want := range map[string]int{"reference=made:*": 1, "reference=docker.io/library/made": 1, "since=" + harness.Image: 1, "before=made:1": 1, "dangling=true": 0, "label=x": 0, "until=1h": 1} {
				key, value, _ := strings.Cut(filter, "=")
				got, err := s.Client.ImageList(t.Context(), client.ImageListOptions{SharedSize: true, Filters: make(client.Filters).Add(key, value)})
				if err != nil || len(got.Items) != want {
					t.Errorf("%s: %d images, %v", filter, len(got.Items), err)
				}
			}
		}},
		{"ImageHistory", func(t *testing.T) {
			got, err := s.Client.ImageHistory(t.Context(), "made:1")
			if err != nil || len(got.Items) != 2 || got.Items[0].Comment != "why" {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ImageTag", func(t *testing.T) {
			_, err := s.Client.ImageTag(t.Context(), client.ImageTagOptions{Source: "made:1", Target: "made:2"})
			must(t, err)
		}},
		{"ImageSave", func(t *testing.T) {
			out, err := s.Client.ImageSave(t.Context(), []string{"made", harness.Image}) // every tag of made
			must(t, err)
			defer out.Close()
			archive, err := io.ReadAll(out)
			must(t, err)
			if !bytes.Contains(archive, []byte("made:1")) || !bytes.Contains(archive, []byte("made:2")) {
				t.Error("not every tag was saved")
			}
			must(t, s.Load(t.Context(), archive))
		}},
		{"ImageLoad", func(t *testing.T) {
			archive := imagetest.DockerArchive(imagetest.Busybox(t, "loaded:1"))
			got, err := s.Client.ImageLoad(t.Context(), bytes.NewReader(archive), client.ImageLoadWithQuiet(true))
			must(t, err)
			defer got.Close()
			if text, err := io.ReadAll(got); err != nil || !bytes.Contains(text, []byte(`{"stream":"Loaded image: loaded:1\n"}`)) {
				t.Errorf("%s %v", text, err)
			}
		}},
		{"ImageImport", func(t *testing.T) {
			root := bytes.NewReader(imagetest.Tar(imagetest.Reg("file", "text")))
			got, err := s.Client.ImageImport(t.Context(), client.ImageImportSource{Source: root, SourceName: "-"}, "imported:1", client.ImageImportOptions{Changes: []string{"CMD /x"}})
			must(t, err)
			defer got.Close()
			if text, err := io.ReadAll(got); err != nil || !bytes.Contains(text, []byte(`{"status":"sha256:`)) {
				t.Errorf("%s %v", text, err)
			}
		}},
		{"ImageAttestations", func(t *testing.T) {
			got, err := s.Client.ImageAttestations(t.Context(), "made:1")
			if err != nil || len(got.Items) != 0 {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ImageRemove", func(t *testing.T) {
			got, err := s.Client.ImageRemove(t.Context(), "imported:1", client.ImageRemoveOptions{})
			if err != nil || len(got.Items) != 2 {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ImagePrune", func(t *testing.T) {
			got, err := s.Client.ImagePrune(t.Context(), client.ImagePruneOptions{Filters: make(client.Filters).Add("dangling", "false")})
			if err != nil || len(got.Report.ImagesDeleted) == 0 {
				t.Errorf("%+v %v", got, err)
			}
		}},
		{"ImageSearch", func(t *testing.T) {
			if _, err := s.Client.ImageSearch(t.Context(), "x", client.ImageSearchOptions{}); !errdefs.IsNotImplemented(err) {
				t.Errorf("%v", err)
			}
		}},
	}
}
