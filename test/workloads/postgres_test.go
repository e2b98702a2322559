package workloads_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/bailey-run/bailey/test/harness"
)

// postgres begins as root, makes its database in the image's volume, and drops to postgres.
var postgres = workload{
	name: "postgres",
	run:  []string{"-e", "POSTGRES_PASSWORD=secret", "-e", "POSTGRES_DB=shop", "-p", "5432:5432", "postgres:debian"},
	first: func(t *testing.T, s service) {
		s.eventually(t, "a transaction, a parallel query and a compiled one", func(ctx context.Context) error {
			db := s.database()
			defer db.Close()
			if _, err := db.ExecContext(ctx, `
				begin;
				create table if not exists orders (id bigint primary key, note text);
				insert into orders select n, 'order ' || n from generate_series(1, 100000) n on conflict do nothing;
				commit;`); err != nil {
				return err
			}
			return tuned(ctx, db)
		})
		if user := s.inside(t, "stat", "-c", "%U %a", "/var/lib/postgresql/data"); user != "postgres 700" {
			t.Errorf("the data directory belongs to %s", user)
		}
	},
	again: func(t *testing.T, s service) {
		s.eventually(t, "the orders", func(ctx context.Context) error {
			db := s.database()
			defer db.Close()
			var orders int
			err := db.QueryRowContext(ctx, "select count(*) from orders").Scan(&orders)
			if err == nil && orders != 100000 {
				t.Fatalf("%d orders of 100000", orders)
			}
			return err
		})
	},
}

// tuned asks for what needs more of a kernel than reading rows: workers that share memory in /dev/shm, and code that is
// compiled while the server runs.
func tuned(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, plan := range []struct{ settings, query, want string }{
		{"set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; set max_parallel_workers_per_gather = 2;",
			"select count(*) from orders a join orders b on a.note = b.note", "Workers Launched: 2"},
		{"set jit = on; set jit_above_cost = 0; set jit_inline_above_cost = 0; set jit_optimize_above_cost = 0;",
			"select sum(id * 2) from orders", "JIT:"},
	} {
		if _, err := conn.ExecContext(ctx, plan.settings); err != nil {
			return err
		}
		rows, err := conn.QueryContext(ctx, "explain (analyze) "+plan.query)
		if err != nil {
			return err
		}
		var text strings.Builder
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			fmt.Fprintln(&text, line)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if !strings.Contains(text.String(), plan.want) {
			return fmt.Errorf("%s was done without %q:\n%s", plan.query, plan.want, text.String())
		}
	}
	return nil
}

// database is a client at the published port.
func (s service) database() *sql.DB {
	connector, err := pq.NewConnector("host=127.0.0.1 user=postgres password=secret dbname=shop sslmode=disable")
	if err != nil {
		panic(err) // the line above is wrong
	}
	connector.Dialer(dialer{s.Node})
	return sql.OpenDB(connector)
}

// dialer connects a client of a database to a node's published ports.
type dialer struct{ *harness.Node }

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.Node.Dial(ctx, network, address)
}
