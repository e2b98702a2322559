package scaffold

const runSite = "bailey run --rm -p 8080:8080 NAME"

// planStatic plans the image of a directory of plain files.
func planStatic(d *directory, entry string) (Plan, error) {
	p := Plan{Detected: []string{"a site of plain files, with index.html at the top"}, Next: []string{look, build, runSite}}
	if entry != "" {
		p.Warnings = append(p.Warnings, "--entry means nothing for a site")
	}
	var err error
	p.Files, err = files("static.Dockerfile", nil)
	return p, err
}
