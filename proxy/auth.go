package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// plusSuffix ends the names of SASL mechanisms that bind to the TLS channel.
const plusSuffix = "-PLUS"

// errServerRefused ends a login that the server has refused in its own words,
// which the client has got.
var errServerRefused = errors.New("the server refused the login")

// relayAuthentication passes authentication messages between the server and
// the client until the server is satisfied; its AuthenticationOk is forwarded
// too. Only one thing is changed: the channel binding that the server offers
// is taken out, because the client's TLS ends here and is another than the server's.
func (c *connection) relayAuthentication(ctx context.Context) error {
	for {
		head, err := c.up.from.Next()
		if err != nil {
			return c.serverBroke(ctx, err)
		}
		if head.Type != wire.TypeAuthentication {
			if err := c.relayOther(head); err != nil {
				return err
			}
			continue
		}
		request, err := c.relayRequest()
		if err != nil {
			return err
		}
		if request.kind == wire.AuthOK {
			return nil
		}
		if !request.wantsAnswer() {
			continue
		}
		if err := c.toClient.Flush(); err != nil {
			return fmt.Errorf("writing to the client: %w", err)
		}
		if err := c.relayAnswer(request); err != nil {
			return err
		}
	}
}

// relayOther forwards a frame of the server that is no authentication
// request: a notice, the negotiated version, a setting, or its refusal.
func (c *connection) relayOther(head wire.Header) error {
	if err := c.up.from.Forward(c.toClient); err != nil {
		return fmt.Errorf("forwarding the server's answer: %w", err)
	}
	if head.Type != wire.TypeErrorResponse {
		return nil
	}
	c.told = true
	if err := c.toClient.Flush(); err != nil {
		return fmt.Errorf("writing to the client: %w", err)
	}
	closeWrite(c.client)
	return errServerRefused
}

// authRequest is what the server asked for.
type authRequest struct {
	kind uint32
	// stripped says that channel binding was taken out of the server's offer.
	stripped bool
}

// wantsAnswer reports whether the client has to answer before the server goes on.
func (r authRequest) wantsAnswer() bool {
	return r.kind != wire.AuthOK && r.kind != wire.AuthSASLFinal
}

// relayRequest forwards one authentication request.
func (c *connection) relayRequest() (authRequest, error) {
	body, err := c.up.from.Body()
	if err != nil {
		return authRequest{}, serverAway(fmt.Errorf("reading an authentication request: %w", err))
	}
	kind, data, err := wire.DecodeAuthentication(body)
	if err != nil {
		return authRequest{}, serverAway(err)
	}
	request := authRequest{kind: kind}
	if kind != wire.AuthSASL {
		return request, c.toClient.Frame(wire.TypeAuthentication, body)
	}

	var offer wire.AuthSASLRequest
	if err := offer.Decode(data); err != nil {
		return authRequest{}, serverAway(err)
	}
	before := len(offer.Mechanisms)
	offer.Mechanisms = slices.DeleteFunc(offer.Mechanisms, func(name string) bool {
		return strings.HasSuffix(name, plusSuffix)
	})
	request.stripped = len(offer.Mechanisms) < before
	if len(offer.Mechanisms) == 0 {
		return authRequest{}, channelBinding("The server offers nothing but authentication bound to its own TLS channel.")
	}
	frame, err := offer.Append(nil)
	if err != nil {
		return authRequest{}, err
	}
	_, err = c.toClient.Write(frame)
	return request, err
}

// relayAnswer forwards the client's answer to a request.
func (c *connection) relayAnswer(request authRequest) error {
	head, err := c.fromClient.Next()
	if err != nil {
		return fmt.Errorf("waiting for the client's answer: %w", err)
	}
	if head.Type == wire.TypeTerminate {
		return errors.New("the client gave up")
	}
	if head.Type != wire.TypePassword {
		return protocolBroken(fmt.Sprintf("expected password response, got message type %d", head.Type), "")
	}
	body, err := c.fromClient.Body()
	if err != nil {
		return fmt.Errorf("reading the client's answer: %w", err)
	}
	if request.kind == wire.AuthSASL {
		if err := checkBinding(body, request.stripped); err != nil {
			return err
		}
	}
	if err := c.up.to.Frame(wire.TypePassword, body); err != nil {
		return serverAway(fmt.Errorf("forwarding the client's answer: %w", err))
	}
	if err := c.up.to.Flush(); err != nil {
		return serverAway(fmt.Errorf("forwarding the client's answer: %w", err))
	}
	return nil
}

// checkBinding refuses what the server would refuse with an error that says
// nothing of the cause. The client's first message begins with its view of
// channel binding (RFC 5802, gs2-cbind-flag): n, it has none; y, it would but
// the server does not offer it; p, it uses it. After y a server that did offer
// it believes that somebody has tampered, and it is right.
func checkBinding(body []byte, stripped bool) error {
	var first wire.SASLInitial
	if err := first.Decode(body); err != nil {
		return err
	}
	flag := byte('n')
	if len(first.Data) > 0 {
		flag = first.Data[0]
	}
	switch {
	case strings.HasSuffix(string(first.Mechanism), plusSuffix) || flag == 'p':
		return channelBinding("The client insists on channel binding.")
	case flag == 'y' && stripped:
		return channelBinding("Both the client and the server have TLS with pgveil and support channel binding, which would bind the password to one TLS channel.")
	}
	return nil
}

// channelBinding is the refusal of a login that no relay can pass on.
func channelBinding(detail string) *pgerr.Error {
	return &pgerr.Error{
		State:   stateLoginRefused,
		Code:    pgerr.ChannelBinding,
		Message: "SCRAM channel binding cannot be relayed",
		Detail:  detail,
		Hint:    "Connect with channel_binding=disable, or have pgveil reach the server without TLS (server.tls: disable) over a Unix socket or another link that is safe by itself.",
	}
}

// relayUntilReady forwards what follows AuthenticationOk, up to the first
// ReadyForQuery, and notes the settings that the server reports.
func (c *connection) relayUntilReady(parameters map[string]string) error {
	for {
		head, err := c.up.from.Next()
		if err != nil {
			return serverAway(fmt.Errorf("waiting for the server to be ready: %w", err))
		}
		switch head.Type {
		case wire.TypeParameterStatus:
			body, err := c.up.from.Body()
			if err != nil {
				return serverAway(fmt.Errorf("reading a setting: %w", err))
			}
			name, value, err := wire.DecodeParameterStatus(body)
			if err != nil {
				return serverAway(err)
			}
			parameters[name] = value
			if err := c.toClient.Frame(head.Type, body); err != nil {
				return fmt.Errorf("writing to the client: %w", err)
			}
		case wire.TypeReadyForQuery:
			if err := c.up.from.Forward(c.toClient); err != nil {
				return fmt.Errorf("forwarding the server's answer: %w", err)
			}
			if err := c.toClient.Flush(); err != nil {
				return fmt.Errorf("writing to the client: %w", err)
			}
			return nil
		default:
			if err := c.relayOther(head); err != nil {
				return err
			}
		}
	}
}

// serverBroke is the error for a server that stopped in the middle of a login.
func (c *connection) serverBroke(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return serverAway(fmt.Errorf("reading from the server: %w", err))
}
