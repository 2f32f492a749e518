package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// logSettings are the flags of the log.
type logSettings struct{ format, level string }

func (l *logSettings) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.format, "log-format", "json", "")
	cmd.Flags().StringVar(&l.level, "log-level", "info", "")
}

// logger returns a logger that writes to w.
func (l *logSettings) logger(w io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(l.level)
	if err != nil {
		return nil, &usageError{message: "--log-level", cause: err, hint: "debug, info, warn or error"}
	}
	settings := zap.NewProductionEncoderConfig()
	settings.TimeKey, settings.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	settings.EncodeDuration = zapcore.StringDurationEncoder
	var encoder zapcore.Encoder
	switch l.format {
	case "json":
		encoder = zapcore.NewJSONEncoder(settings)
	case "console":
		settings.EncodeLevel = zapcore.CapitalLevelEncoder
		if isTerminal(w) {
			settings.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		encoder = zapcore.NewConsoleEncoder(settings)
	default:
		return nil, &usageError{message: "--log-format: unknown format", hint: strictyaml.Suggest(l.format, []string{"json", "console"})}
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
