package config

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

func (l *loader) limits(n strictyaml.Node) {
	m := &l.config.Limits
	n.Fields(
		strictyaml.Field{Key: "max_message", Read: size(&m.MaxMessage, 64<<10, 1<<30)},
		strictyaml.Field{Key: "max_startup", Read: size(&m.MaxStartup, 10<<10, 1<<20)},
		strictyaml.Field{Key: "connections", Read: func(n strictyaml.Node) { m.Connections, _ = n.Int(1, 1_000_000) }},
		strictyaml.Field{Key: "login_timeout", Read: duration(&m.LoginTimeout)},
		strictyaml.Field{Key: "drain_timeout", Read: duration(&m.DrainTimeout)},
	)
}

// duration reads 90s, 5m, 1h30m.
func duration(d *time.Duration) func(strictyaml.Node) {
	return func(n strictyaml.Node) {
		value, err := time.ParseDuration(n.Scalar())
		if err != nil || value <= 0 || value > 30*24*time.Hour {
			n.Report("must be a duration", "e.g. 30s, 5m or 1h30m, at most 720h")
			return
		}
		*d = value
	}
}

// size reads bytes, alone or with KiB, MiB or GiB.
func size(bytes *int, least, most int) func(strictyaml.Node) {
	return func(n strictyaml.Node) {
		digits, unit := n.Scalar(), 1
		for suffix, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
			if number, ok := strings.CutSuffix(digits, suffix); ok {
				digits, unit = strings.TrimSpace(number), factor
				break
			}
		}
		count, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			n.Report("must be a size", "e.g. 65536, 64KiB or 16MiB")
			return
		}
		if count > uint64(math.MaxInt/unit) || int(count)*unit < least || int(count)*unit > most {
			n.Report("is out of range", "from "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+" bytes")
			return
		}
		*bytes = int(count) * unit
	}
}
