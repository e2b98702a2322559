package lint

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bailey-run/bailey/internal/build/dockerfile"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// input reads a case: Dockerfile, .dockerignore, and files, of which the names
// stand in a list.
func input(ar *txtar.Archive) Input {
	in := Input{}
	for _, f := range ar.Files {
		switch f.Name {
		case "Dockerfile":
			in.Dockerfile = f.Data
		case ".dockerignore":
			in.Ignore = f.Data
		case "files":
			in.Files = strings.Fields(string(f.Data))
		}
	}
	return in
}

// TestGolden holds whole Dockerfiles against what is said about them.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 3 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			report := Run(input(ar))
			var text, sarif bytes.Buffer
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			got := map[string][]byte{"text": text.Bytes()}
			if strings.Contains(string(ar.Comment), "SARIF") {
				if err := report.WriteSARIF(&sarif, "1.2.3"); err != nil {
					t.Fatal(err)
				}
				got["sarif"] = results(t, sarif.Bytes())
			}
			for i, f := range ar.Files {
				if want, is := got[f.Name]; is && !bytes.Equal(want, f.Data) {
					if !*update {
						t.Errorf("%s differs; -update rewrites it\ngot:\n%s\nwant:\n%s", f.Name, want, f.Data)
					}
					ar.Files[i].Data = want
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// results are the results of a SARIF log, without the table of rules.
func results(t *testing.T, log []byte) []byte {
	t.Helper()
	var decoded struct {
		Runs []struct{ Results json.RawMessage }
	}
	if err := json.Unmarshal(log, &decoded); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, decoded.Runs[0].Results, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

// TestRules: each rule finds each of its bad examples and none of its good
// ones. An example that begins without FROM stands in an image that has no
// other fault.
func TestRules(t *testing.T) {
	paths, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		tried[name] = true
		t.Run(name, func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			shared := input(ar)
			bad, good := 0, 0
			for _, f := range ar.Files {
				if f.Name != "bad" && f.Name != "good" {
					continue
				}
				for example := range strings.SplitSeq(string(f.Data), "====\n") {
					in := shared
					in.Dockerfile = []byte(whole(example))
					report := Run(in)
					found := slices.ContainsFunc(report.Findings, func(x Finding) bool { return x.Rule == name && x.Allowed == "" })
					if found != (f.Name == "bad") {
						var text strings.Builder
						_ = report.WriteText(&text)
						t.Errorf("%s example:\n%s\nfound: %s", f.Name, example, text.String())
					}
					if f.Name == "bad" {
						bad++
					} else {
						good++
					}
				}
			}
			if bad == 0 || good == 0 {
				t.Errorf("%d bad and %d good examples; each rule needs both", bad, good)
			}
		})
	}
	for _, rule := range rules {
		if !tried[rule.Name] {
			t.Errorf("testdata/rules/%s.txtar is missing", rule.Name)
		}
	}
}

// whole completes an example.
func whole(example string) string {
	if regexp.MustCompile(`(?im)^(from|#) `).MatchString(example) {
		return example
	}
	return "FROM debian:12-slim@sha256:" + strings.Repeat("0", 64) + "\n" + example + "USER 1000\nCMD [\"/bin/true\"]\n"
}

// TestPageIsComplete: docs/build-lint.md lists exactly the rules that there are, with their levels.
func TestPageIsComplete(t *testing.T) {
	page, err := os.ReadFile("../../../docs/build-lint.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z-]+)` \\| (error|warning|note) \\|").FindAllStringSubmatch(string(page), -1) {
		listed[row[1]] = row[2]
	}
	for _, rule := range Rules() {
		if listed[rule.Name] != string(rule.Level) {
			t.Errorf("docs/build-lint.md: add | `%s` | %s | %s |", rule.Name, rule.Level, rule.Title)
		}
		delete(listed, rule.Name)
		if rule.Title == "" || rule.Why == "" || rule.Fix == "" {
			t.Errorf("%s has no title, reason or fix", rule.Name)
		}
	}
	for name := range listed {
		t.Errorf("docs/build-lint.md lists %s, which is no rule", name)
	}
}

// TestSecretsAreNotShown: wherever a secret stands, no form of the report has it.
func TestSecretsAreNotShown(t *testing.T) {
	const word, token, url = "hunter2-correct-horse", "ghp_0123456789abcdefghijABCDEFGHIJ456789", "https://user:sesame-open@example.com/x.sh"
	for _, text := range []string{
		"FROM a:1\nENV DB_PASSWORD=" + word,
		"FROM a:1\nENV DB_PASSWORD=\"" + word + "\" X=$" + word,
		"FROM a:1\nENV DB_PASSWORD " + word,
		"FROM a:1\nARG API_KEY=" + word + "\nRUN curl -H 'x: " + word + "' https://example.com/" + word + " | sh",
		"ARG API_KEY=" + word + "\nFROM img-" + word + "\nUSER " + word,
		"FROM a:1\nRUN echo " + token + " | sh\nRUN pip install " + token + "\nADD https://" + token + "@github.com/a/b.git /x",
		"FROM a:1\nADD " + url + " /x\nRUN curl " + url + " | sh\nRUN wget " + url,
		"FROM a:1\nCMD run --token " + token + "\nENTRYPOINT run " + url,
		"FROM a:1\nENV A=1\nDB_PASSWORD=" + word,
		"FROM a:1\nENV A=1 " + word,
		"FROM a:1\nCOPY --chown=" + word,
		"FROM a:1\nSECRET " + word,
		"FROM a:1\n# bailey:allow secret-env " + token + "\nENV PASSWORD=" + word,
	} {
		report := Run(Input{Dockerfile: []byte(text)})
		var out bytes.Buffer
		for _, err := range []error{report.WriteText(&out), report.WriteJSON(&out), report.WriteSARIF(&out, "1")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(report.Findings) == 0 {
			t.Errorf("nothing is found in %q", text)
		}
		for _, secret := range []string{word, token, "sesame-open"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("the report on %q shows %s:\n%s", text, secret, out.String())
			}
		}
	}
}

// TestNeedsBuildArg: a base that only a build argument names is no error, and is looked at when it is given.
func TestNeedsBuildArg(t *testing.T) {
	in := Input{Dockerfile: []byte("ARG V\nFROM debian:$V\nUSER 1\n")}
	if r := Run(in); r.Count(Error) != 0 || r.Count(Warning) == 0 {
		t.Errorf("%+v", r)
	}
	in.BuildArgs = map[string]string{"V": "latest"}
	if r := Run(in); r.Count(Error) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"GITHUB_TOKEN": true, "DB_PASSWORD": true, "password": true, "API_KEY": true, "AWS_SECRET_ACCESS_KEY": true, "DB_PASS": true,
		"NPM_AUTH": true, "clientSecret": true, "APIKEY": true, "MYSQL_ROOT_PASSWORD": true,
		"GPG_KEY": false, "PASSWORD_FILE": false, "TOKEN_TTL": false, "PUBLIC_KEY": false, "SECRET_NAME": false, "KEYBOARD": false,
		"AUTHOR": false, "PATH": false, "PASS": false, "KEY": false, "TOKENIZERS_PARALLELISM": false, "": false,
	} {
		if isSecretName(name) != want {
			t.Errorf("isSecretName(%q) is not %v", name, want)
		}
	}
}

func TestModes(t *testing.T) {
	for text, want := range map[string]mode{
		"755": {}, "0755": {}, "4755": {setid: true}, "02755": {setid: true}, "u+s": {setid: true}, "g+s": {setid: true}, "+s": {setid: true},
		"u=rwxs,go=rx": {setid: true}, "a-s": {}, "u-s": {}, "777": {worldWritable: true}, "1777": {}, "a+rwx": {worldWritable: true},
		"o+w": {worldWritable: true}, "+x": {}, "a+rx": {}, "ugo+rwx": {worldWritable: true}, "g+w": {}, "+t": {}, "$MODE": {}, "": {},
	} {
		if got := parseMode(text); got != want {
			t.Errorf("parseMode(%q) = %+v, want %+v", text, got, want)
		}
	}
}

// TestHostileSize: what takes a parser long is refused or bounded.
func TestHostileSize(t *testing.T) {
	long := strings.Repeat("x", 30<<10)
	for name, text := range map[string]string{
		"brackets":   "FROM a:1\nRUN " + strings.Repeat("(", 60<<10),
		"subshells":  "FROM a:1\nRUN " + strings.Repeat("$(", 15<<10),
		"pipes":      "FROM a:1\nRUN " + strings.Repeat("a|", 15<<10) + "a",
		"nested sh":  "FROM a:1\nRUN " + strings.Repeat("sh -c 'sh -c ", 1<<10),
		"onbuild":    "FROM a:1\n" + strings.Repeat("ONBUILD ", 7<<10) + "RUN true",
		"many":       "FROM a:1\n" + strings.Repeat("RUN curl http://x | sh\n", 5<<10),
		"names":      "FROM a:1\nENV " + long + "=1\nLABEL a=$" + long,
		"stages":     strings.Repeat("FROM a:1 AS b\nFROM b\n", 2<<10),
		"long line":  "FROM a:1\nRUN echo " + strings.Repeat(long, 2),
		"large":      strings.Repeat("#", dockerfile.MaxSize+1),
		"here":       "FROM a:1\nRUN <<A <<B\n" + strings.Repeat("(", 30<<10) + "\nA\nB\n",
		"bare quote": "FROM a:1\nRUN \"" + strings.Repeat("`", 15<<10),
	} {
		t.Run(name, func(t *testing.T) {
			if report := Run(Input{Dockerfile: []byte(text)}); len(report.Findings) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}

func FuzzLint(f *testing.F) {
	paths, _ := filepath.Glob("testdata/rules/*.txtar")
	for _, path := range paths {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if file.Name == "bad" {
				for example := range strings.SplitSeq(string(file.Data), "====\n") {
					if len(example) > 4<<10 {
						continue // the fuzzer would spend its time on making it smaller
					}
					f.Add([]byte(whole(example)), []byte("*.pem\n!a\n"), "a/.env\nb")
				}
			}
		}
	}
	for _, run := range []string{
		"RUN --mount=type=secret,id=a,env=B true", "RUN --mount=type=ssh,mode=0600 true", "RUN --mount=type=tmpfs,size=1m,target=/x true",
		"RUN --device=vendor.com/class=name true", "RUN --network=none --security=sandbox <<E\ntrue\nE", "RUN --mount=from=x,source=$A,target=/y,rw true",
		"ONBUILD COPY --from=a b c", "COPY --parents --link --exclude=*.x --chown=1:1 a/./b /c", "ADD --keep-git-dir=true https://x/y.git#v1:sub /z",
		"HEALTHCHECK --interval=1s --start-interval=1s CMD x", "STOPSIGNAL $X", "VOLUME [\"/a\"]", "EXPOSE 1-3/udp", "WORKDIR ${A:-/b}", "SHELL [\"x\"]",
	} {
		f.Add([]byte("FROM a:1 AS x\n"+run+"\n"), []byte(nil), "")
	}
	f.Fuzz(func(t *testing.T, text, ignore []byte, files string) {
		const secret = "zq9SENTINELqz"
		text = append(text, "\nENV DB_PASSWORD="+secret+"\n"...)
		report := Run(Input{Dockerfile: text, Ignore: ignore, Files: strings.Fields(files)})
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, x := range report.Findings {
			if strings.Contains(x.Message, errBroken.Error()) {
				t.Fatalf("%s:\n%s", x.Message, text)
			}
			if _, known := byName()[x.Rule]; !known || x.Line < 1 || x.Line > lines || x.Message == "" || x.Fix == "" || len(x.Message) > 3*maxText {
				t.Fatalf("%+v", x)
			}
		}
		var out bytes.Buffer
		if err := report.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(out.Bytes(), func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }); i >= 0 {
			t.Fatalf("a control character at %d of %q", i, out.String())
		}
		// Where the line became part of another word, it is no value of that variable any more.
		if bytes.Contains(out.Bytes(), []byte(secret)) && slices.ContainsFunc(report.Findings, func(x Finding) bool { return x.Rule == "secret-env" && strings.Contains(x.Message, "DB_PASSWORD") }) {
			t.Fatalf("the secret is shown:\n%s", out.String())
		}
		out.Reset()
		if err := report.WriteSARIF(&out, "1"); err != nil || !json.Valid(out.Bytes()) {
			t.Fatal(err)
		}
	})
}
