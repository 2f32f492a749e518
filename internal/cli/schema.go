package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pgveil/pgveil/internal/config"
	"github.com/pgveil/pgveil/internal/strictyaml"
	"github.com/pgveil/pgveil/policy"
)

func newSchema(streams IO) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Long: helpSchema, Args: exactArgs(1, "policy or config"),
		RunE: func(_ *cobra.Command, args []string) error {
			var text []byte
			switch args[0] {
			case "policy":
				text = policy.Schema()
			case "config":
				text = config.Schema()
			default:
				return &usageError{
					message: fmt.Sprintf("there is no schema of %q", args[0]),
					hint:    strictyaml.Suggest(args[0], []string{"policy", "config"}),
				}
			}
			_, err := streams.Out.Write(text)
			return err
		},
	}
}
