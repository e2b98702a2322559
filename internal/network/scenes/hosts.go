package scenes

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/bailey-run/bailey/internal/prove/probe"
	"github.com/bailey-run/bailey/internal/prove/scene"
)

// service listens on an address of the host, on a port of the kernel's choice,
// for as long as it is needed, and answers with what it is told.
func service(protocol, address string, use func(port string) error) error {
	if protocol == "udp" {
		conn, err := net.ListenPacket(protocol, net.JoinHostPort(address, "0"))
		if err != nil {
			return probe.Untried("%w", err)
		}
		defer conn.Close()
		go func() {
			buffer := make([]byte, 2048)
			for {
				n, from, err := conn.ReadFrom(buffer)
				if err != nil {
					return
				}
				_, _ = conn.WriteTo(buffer[:n], from)
			}
		}()
		_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
		return use(port)
	}
	l, err := net.Listen(protocol, net.JoinHostPort(address, "0"))
	if err != nil {
		return probe.Untried("%w", err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				_, _ = io.CopyN(conn, conn, 6) // "hello" and a line break
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return use(port)
}

// hosts are services of the host that listen to everybody, as most do. The
// twin is the host itself.
func hosts() []scene.Scene {
	var list []scene.Scene
	gateway := func(of role) func(context.Context, scene.Stage) (netip.Addr, error) {
		return func(ctx context.Context, s scene.Stage) (netip.Addr, error) {
			e, err := of.endpoint(ctx, s, "")
			if err != nil {
				return netip.Addr{}, err
			}
			return e.Gateway, nil
		}
	}
	loopback := func(context.Context, scene.Stage) (netip.Addr, error) { return netip.MustParseAddr("127.0.0.1"), nil }
	dials := func(from role, protocol, listen string, at func(context.Context, scene.Stage) (netip.Addr, error)) half {
		return func(ctx context.Context, s scene.Stage) error {
			address, err := at(ctx, s)
			if err != nil {
				return err
			}
			if !address.IsValid() {
				return probe.Untried("%s has no gateway", from.name)
			}
			return service(protocol, listen, func(port string) error { return from.dials(ctx, s, protocol, address, port) })
		}
	}
	for _, x := range []struct {
		id   string
		from role
	}{{"host-service", attacker}, {"host-service-from-network", evil}, {"host-service-from-internal", thief}} {
		for _, protocol := range []string{"tcp", "udp"} {
			list = append(list, of(control, x.id+"-"+protocol, "reach a service of the host at the gateway's address over "+protocol, "moby#22054",
				dials(x.from, protocol, "0.0.0.0", gateway(x.from)), "network/host-"+protocol, dials(onHost, protocol, "0.0.0.0", loopback)))
		}
	}
	return append(list,
		of(control, "host-loopback", "reach a service of the host's loopback", "CVE-2020-8558", dials(attacker, "tcp", "127.0.0.1", loopback), "network/host-loopback", dials(onHost, "tcp", "127.0.0.1", loopback)),
		of(control, "host-loopback-by-gateway", "reach a service of the host's loopback at the gateway's address", "CVE-2020-8558",
			dials(attacker, "tcp", "127.0.0.1", gateway(attacker)), "network/host-loopback", dials(onHost, "tcp", "127.0.0.1", loopback)),
	)
}
