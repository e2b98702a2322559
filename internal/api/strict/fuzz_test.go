package strict

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
)

// agree holds Decode to its promise: what it accepts, the standard decoder
// reads as the same value.
func agree[T any](t *testing.T, data []byte) {
	got, err := Decode[T](bytes.NewReader(data), Options{})
	if err != nil {
		return
	}
	var want T
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v\n%q", err, data)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("read %+v\nencoding/json reads %+v\nfrom %q", got, want, data)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"Image":"a","HostConfig":{"Privileged":true,"Memory":1,"Mounts":[{"Type":"bind"}]}}`,
		`{"ExposedPorts":{"80":{},"80/tcp":{}},"StopTimeout":-1,"Healthcheck":{"Interval":1}}`,
		`{"HostConfig":{"Dns":["1.1.1.1",""],"ConsoleSize":[1,2],"Ulimits":[{"Name":"a"}],"Umask":18}}`,
		`{"NetworkingConfig":{"EndpointsConfig":{"a":{"MacAddress":"02:00:00:00:00:01","IPAMConfig":{"IPv4Address":"10.0.0.1"}}}}}`,
		`{"a":"\ud83d\ude00\u0041","b":[1e3,-0,0.5e-7,null,true,false,{}]}`,
		`{"Name":"n","IPAM":{"Config":[{"Subnet":"10.0.0.0/8","AuxiliaryAddresses":{"a":"10.0.0.1"}}]},"EnableIPv6":true}`,
		`{"hostconfig":{}}`, `{"Image":"a","Image":"b"}`, `[]`, `null`, ` `, `"`, `{"a":1}x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		agree[container.CreateRequest](t, data)
		agree[container.UpdateConfig](t, data)
		agree[network.CreateRequest](t, data)
		agree[volume.CreateRequest](t, data)
		agree[any](t, data)
	})
}
