package config

// Override is a value that stands over the file's.
type Override struct {
	// Source names the flag or variable, for messages: --listen.
	Source string
	// Key is one of those that [Environment] lists.
	Key string
	// Value is as the file would have it; several addresses are parted by commas.
	Value string
}

// Environment returns the overrides that the environment holds. A flag stands
// over a variable, a variable over the file, the file over the default:
//
//	PGVEIL_LISTEN          listen
//	PGVEIL_SERVER_ADDRESS  server.address
//	PGVEIL_SERVER_TLS      server.tls
//	PGVEIL_SERVICE_USER    server.service_user
//	PGVEIL_ADMIN_LISTEN    admin.listen
//
// A variable that is empty counts as not set.
func Environment(lookup func(string) (string, bool)) []Override {
	var all []Override
	for _, v := range []struct{ name, key string }{
		{"PGVEIL_LISTEN", "listen"},
		{"PGVEIL_SERVER_ADDRESS", "server.address"},
		{"PGVEIL_SERVER_TLS", "server.tls"},
		{"PGVEIL_SERVICE_USER", "server.service_user"},
		{"PGVEIL_ADMIN_LISTEN", "admin.listen"},
	} {
		if value, ok := lookup(v.name); ok && value != "" {
			all = append(all, Override{Source: v.name, Key: v.key, Value: value})
		}
	}
	return all
}
