package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/strictyaml"
	"github.com/pgveil/pgveil/policy"
)

// settings are the flags that say which configuration and which database.
type settings struct {
	file     string
	server   string
	listen   []string
	database string
}

func (s *settings) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, "config", "", "")
	cmd.Flags().StringVar(&s.server, "server", "", "")
}

func (s *settings) addDatabaseTo(cmd *cobra.Command) {
	s.addTo(cmd)
	cmd.Flags().StringVar(&s.database, "database", "", "")
}

// load reads the configuration, with variables and flags over it.
func (s *settings) load() (*config.Config, error) {
	name := s.file
	if name == "" {
		name = os.Getenv("PGVEIL_CONFIG")
	}
	if name == "" {
		name = "pgveil.yaml"
	}
	data, err := readFile("the configuration", name, "name it with --config; configs/pgveil.yaml is an example")
	if err != nil {
		return nil, err
	}
	overrides := config.Environment(os.LookupEnv)
	if len(s.listen) > 0 {
		overrides = append(overrides, config.Override{Source: "--listen", Key: "listen", Value: strings.Join(s.listen, ",")})
	}
	if s.server != "" {
		overrides = append(overrides, config.Override{Source: "--server", Key: "server.address", Value: s.server})
	}
	return config.Load(name, data, overrides...)
}

func readFile(what, name, hint string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fileError(what, name, err, hint)
	}
	return data, nil
}

// fileError says what file cannot be read.
func fileError(what, name string, err error, hint string) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err // the name is in the message already
	}
	return &usageError{message: fmt.Sprintf("reading %s %s", what, name), cause: err, hint: hint}
}

// target is a database with its policy.
type target struct {
	name   string
	policy *policy.Policy
}

// targets reads the policies of all databases, or of the one that was asked
// for. The name "*" is no database: it must be asked for by a real one.
func (s *settings) targets(c *config.Config) ([]target, error) {
	if s.database != "" {
		d, ok := c.Database(s.database)
		if !ok {
			return nil, &usageError{message: fmt.Sprintf("database %q has no policy in the configuration", s.database), hint: known(c)}
		}
		p, err := loadPolicy(d)
		return []target{{s.database, p}}, err
	}
	policies, err := loadPolicies(c)
	if err != nil {
		return nil, err
	}
	var all []target
	for _, d := range c.Databases {
		if d.Name != "*" {
			all = append(all, target{d.Name, policies[d.Name]})
		}
	}
	if len(all) == 0 {
		return nil, &usageError{message: "the configuration names no database", hint: `name one with --database if it has "*"`}
	}
	return all, nil
}

// one is for commands that work on a single database.
func (s *settings) one(c *config.Config) (target, error) {
	all, err := s.targets(c)
	if err != nil {
		return target{}, err
	}
	if len(all) > 1 {
		return target{}, &usageError{message: "there are several databases", hint: "name one with --database: " + known(c)}
	}
	return all[0], nil
}

func known(c *config.Config) string {
	var names []string
	for _, d := range c.Databases {
		names = append(names, d.Name)
	}
	return "known here: " + strings.Join(names, ", ")
}

// loadPolicies reads all policies, by the name of their database, and reports
// what is wrong with any of them.
func loadPolicies(c *config.Config) (map[string]*policy.Policy, error) {
	policies := map[string]*policy.Policy{}
	var problems strictyaml.Problems
	for _, d := range c.Databases {
		p, err := loadPolicy(d)
		if more, ok := errors.AsType[*strictyaml.Problems](err); ok {
			problems = append(problems, *more...)
			continue
		}
		if err != nil {
			return nil, err
		}
		policies[d.Name] = p
	}
	if len(problems) > 0 {
		return nil, &problems
	}
	return policies, nil
}

func loadPolicy(d config.Database) (*policy.Policy, error) {
	data, err := readFile("the policy of database "+d.Name, d.Policy, "configs/openg2p.yaml is an example")
	if err != nil {
		return nil, err
	}
	return policy.Load(d.Policy, data)
}
