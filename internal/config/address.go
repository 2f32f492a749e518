package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/pgveil/pgveil/internal/strictyaml"
)

// address reads host:port, or a path, which must hold a slash.
func (l *loader) address(n strictyaml.Node, text string, listens bool) Address {
	if strings.Contains(text, "/") {
		return Address{"unix", l.path(text)}
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		n.Report(strconv.Quote(text)+" is not an address", "write host:port, [v6]:port or the path of a Unix socket")
		return Address{}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 && !listens {
		n.Report(strconv.Quote(port)+" is not a port", "from 1 to 65535")
		return Address{}
	}
	if host == "" && !listens {
		n.Report("the host is missing", "write host:port")
		return Address{}
	}
	return Address{"tcp", text}
}

// listen reads one address or a list of them.
func (l *loader) listen(n strictyaml.Node) {
	l.config.Listen = nil
	each := func(n strictyaml.Node) {
		if text, ok := n.Text(); ok {
			l.addListen(n, text)
		}
	}
	if !n.IsList() {
		each(n)
		return
	}
	n.Items(each)
	if len(l.config.Listen) == 0 {
		n.Report("no address to listen at", "")
	}
}

func (l *loader) addListen(n strictyaml.Node, text string) {
	a := l.address(n, text, true)
	if a.Network == "" {
		return
	}
	if slices.Contains(l.config.Listen, a) {
		n.Report(text+" is here twice", "")
	}
	l.config.Listen = append(l.config.Listen, a)
}
