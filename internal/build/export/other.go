package export

import (
	"context"

	"github.com/moby/buildkit/exporter"
)

// Other is an exporter that gives its result to the client: files, or an archive.
func Other(inner exporter.Exporter) exporter.Exporter { return other{inner} }

type other struct{ exporter.Exporter }

// Resolve reads the attributes.
func (o other) Resolve(ctx context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	inner, err := o.Exporter.Resolve(ctx, id, attrs)
	if err != nil {
		return nil, err
	}
	return otherInstance{inner}, nil
}

type otherInstance struct{ exporter.ExporterInstance }

// Export exports.
func (o otherInstance) Export(ctx context.Context, src *exporter.Source, info exporter.ExportBuildInfo) (map[string]string, exporter.FinalizeFunc, exporter.DescriptorReference, error) {
	return o.ExporterInstance.Export(ctx, withSource(src), info)
}
