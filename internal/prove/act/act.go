// Package act is what the containers of a scene can be told to do. It is
// linked into the program that is put into them: standard library only.
package act

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
)

// patience is how long an act waits for an answer.
const patience = time.Second

// Ready is what an act that goes on prints when others may rely on it.
const Ready = "ready"

// dial connects to NETWORK ADDRESS, says hello and prints what comes back.
func dial(args []string, w io.Writer) error {
	conn, err := net.DialTimeout(args[0], args[1], patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 1024)).ReadString('\n')
	if line == "" {
		return err
	}
	_, err = fmt.Fprint(w, line)
	return err
}

// write makes a file PATH of so many BYTES.
func write(args []string, w io.Writer) error {
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	piece := make([]byte, 64<<10)
	for done := int64(0); done < size && err == nil; done += int64(len(piece)) {
		_, err = f.Write(piece)
	}
	return errors.Join(err, f.Close())
}

// serve answers every line on NETWORK ADDRESS with the same line.
func serve(args []string, w io.Writer) error {
	if args[0] == "udp" {
		return serveUDP(args[1], w)
	}
	l, err := net.Listen(args[0], args[1])
	if err != nil {
		return err
	}
	fmt.Fprintln(w, Ready)
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			_ = conn.SetDeadline(time.Now().Add(10 * patience))
			_, _ = io.Copy(conn, conn)
			_ = conn.Close()
		}()
	}
}

func serveUDP(address string, w io.Writer) error {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, Ready)
	buffer := make([]byte, 2048)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		_, _ = conn.WriteTo(buffer[:n], from)
	}
}

// resolve looks NAME up and prints its addresses.
func resolve(args []string, w io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, args[0])
	for _, a := range addresses {
		fmt.Fprintln(w, a)
	}
	return err
}

// read prints the beginning of a file.
func read(args []string, w io.Writer) error {
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, io.LimitReader(f, 64<<10))
	return err
}
