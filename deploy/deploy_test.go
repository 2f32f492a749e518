// Package deploy_test checks what can be checked of the container files
// without a container engine: that they parse, that what they name exists,
// that ports, users and variables agree with one another and with the
// program's configuration. It does not build or run an image.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/policy"
)

const root = ".."

type compose struct {
	Name     string             `yaml:"name"`
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image, Build        string
	Command, Entrypoint []string
	Environment         map[string]string
	Volumes, Ports      []string
	Restart             string
	Healthcheck         struct {
		Test              []string
		Interval, Timeout string
		Retries           int
		Disable           bool
	}
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
}

func loadCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.UnmarshalWithOptions(read(t, "docker-compose.yml"), &c, yaml.DisallowUnknownField()); err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	if len(c.Services) == 0 {
		t.Fatal("docker-compose.yml has no services")
	}
	return c
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCompose_whatItNamesExists(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	for name, s := range c.Services {
		if s.Image == "" {
			t.Errorf("%s has no image", name)
		}
		for _, mount := range s.Volumes {
			source, target, _ := strings.Cut(mount, ":")
			if !strings.HasPrefix(target, "/") {
				t.Errorf("%s: mount %q has no absolute target", name, mount)
			}
			if strings.HasPrefix(source, ".") {
				if _, err := os.Stat(filepath.Join(root, source)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := c.Volumes[source]; !ok {
				t.Errorf("%s: volume %q is not declared", name, source)
			}
		}
		for other, on := range s.DependsOn {
			target, ok := c.Services[other]
			switch {
			case !ok:
				t.Errorf("%s depends on %q, which is no service", name, other)
			case on.Condition == "service_healthy" && len(target.Healthcheck.Test) == 0:
				t.Errorf("%s waits until %s is healthy, which has no health check", name, other)
			case on.Condition == "service_completed_successfully" && target.Restart != "":
				t.Errorf("%s waits until %s is done, which is restarted for ever", name, other)
			}
		}
	}
	for volume := range c.Volumes {
		used := slices.ContainsFunc(slices.Collect(values(c.Services)), func(s service) bool {
			return slices.ContainsFunc(s.Volumes, func(m string) bool { return strings.HasPrefix(m, volume+":") })
		})
		if !used {
			t.Errorf("volume %s is declared and not used", volume)
		}
	}
}

func values(services map[string]service) func(func(service) bool) {
	return func(yield func(service) bool) {
		for _, s := range services {
			if !yield(s) {
				return
			}
		}
	}
}

// Odoo must talk to pgveil, and pgveil to PostgreSQL, on the ports that each listens on.
func TestCompose_agreesWithTheConfiguration(t *testing.T) {
	t.Parallel()
	c := loadCompose(t)
	text := read(t, "deploy/compose/pgveil.yaml")
	if _, err := config.Load("pgveil.yaml", text); err != nil {
		t.Fatalf("deploy/compose/pgveil.yaml: %v", err)
	}
	if _, err := policy.Load("policy.yaml", read(t, "deploy/compose/policy.yaml")); err != nil {
		t.Errorf("deploy/compose/policy.yaml: %v", err)
	}
	var conf struct {
		Listen    string
		Server    struct{ Address string }
		Databases map[string]struct{ Policy string }
		Admin     struct{ Listen string }
	}
	if err := yaml.Unmarshal(text, &conf); err != nil {
		t.Fatal(err)
	}
	odoo, veil := c.Services["odoo"], c.Services["pgveil"]
	port := conf.Listen[strings.LastIndex(conf.Listen, ":")+1:]
	adminPort := conf.Admin.Listen[strings.LastIndex(conf.Admin.Listen, ":")+1:]
	if odoo.Environment["HOST"] != "pgveil" || odoo.Environment["PORT"] != port {
		t.Errorf("odoo connects to %s:%s, pgveil listens on %s", odoo.Environment["HOST"], odoo.Environment["PORT"], conf.Listen)
	}
	for _, p := range []string{port, adminPort} {
		if !slices.ContainsFunc(veil.Ports, func(m string) bool { return strings.HasSuffix(m, ":"+p) && strings.HasPrefix(m, "127.0.0.1:") }) {
			t.Errorf("pgveil's port %s is not published on 127.0.0.1: %v", p, veil.Ports)
		}
	}
	if !slices.Contains(veil.Healthcheck.Test, adminPort) {
		t.Errorf("the health check %v does not ask the admin port %s", veil.Healthcheck.Test, adminPort)
	}
	if host, _, _ := strings.Cut(conf.Server.Address, ":"); c.Services[host].Image == "" {
		t.Errorf("pgveil's server %s is no service", conf.Server.Address)
	}
	for name := range conf.Databases {
		if !slices.Contains(odoo.Command, "--database="+name) {
			t.Errorf("odoo's command %v does not name pgveil's database %s", odoo.Command, name)
		}
	}
	for _, name := range []string{"pgveil", "pgveil-init"} {
		for _, m := range regexp.MustCompile(`env:(\w+)`).FindAllStringSubmatch(string(text), -1) {
			if c.Services[name].Environment[m[1]] == "" {
				t.Errorf("%s lacks the variable %s, which pgveil.yaml refers to", name, m[1])
			}
		}
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := string(read(t, "Dockerfile"))
	goMod := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(read(t, "go.mod")))
	if from := regexp.MustCompile(`FROM golang:(\d+\.\d+)`).FindStringSubmatch(text); from == nil || from[1] != goMod[1] {
		t.Errorf("the image builds with Go %v, go.mod wants %s", from, goMod[1])
	}
	if user := regexp.MustCompile(`(?m)^USER (\S+)`).FindStringSubmatch(text); user == nil || strings.HasPrefix(user[1], "0") || user[1] == "root" {
		t.Errorf("the image runs as %v", user)
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([^-\s]\S*(?: \S+)*) \S+$`).FindAllStringSubmatch(text, -1) {
		for _, source := range strings.Fields(m[1]) {
			if _, err := os.Stat(filepath.Join(root, source)); err != nil {
				t.Errorf("COPY: %v", err)
			}
		}
	}
	for _, want := range []string{"EXPOSE 6432 9632", "softhsm2", "CGO_ENABLED=1", "./cmd/pgveil", "HEALTHCHECK"} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile does not have %q", want)
		}
	}
	for _, secret := range []string{"PASSWORD", "PIN=", "PASSPHRASE"} {
		if strings.Contains(text, secret) {
			t.Errorf("the Dockerfile bakes in %s", secret)
		}
	}
}

func TestScripts_parse(t *testing.T) {
	t.Parallel()
	var scripts []string
	for _, pattern := range []string{"deploy/compose/*.sh", "scripts/*.sh", "scripts/*/*.sh", ".ci/run"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no scripts match %s: %v", pattern, err)
		}
		scripts = append(scripts, found...)
	}
	for _, script := range scripts {
		if out, err := exec.Command("bash", "-n", script).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", script, err, out)
		}
		info, err := os.Stat(script)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be executed: %v", script, err)
		}
	}
}
