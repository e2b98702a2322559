package registry

// Options configures a Client.
type Options struct {
	// CertsDir is Options.CertsDir of the store.
	CertsDir string
	// Document is the most bytes of a manifest or configuration.
	Document int64
}

// Client speaks to registries.
type Client struct{ opts Options }

// New makes a client.
func New(opts Options) *Client { return &Client{opts: opts} }
