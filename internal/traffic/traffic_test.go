package traffic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// goldenHash is the SHA-256 of the default capture. It changes only where the
// generator is meant to change; then take it from the failure.
const goldenHash = "bfe12ed086e86bc9520ea7987e591680634fbbe0c91e211b70cdf5ea21a7793f"

func capture(t *testing.T, o Options) ([]Packet, []byte) {
	t.Helper()
	packets := Generate(o)
	var b bytes.Buffer
	require.NoError(t, Write(&b, packets))
	return packets, b.Bytes()
}

func TestSameBytes(t *testing.T) {
	_, b := capture(t, Options{})
	sum := sha256.Sum256(b)
	require.Equal(t, goldenHash, hex.EncodeToString(sum[:]))
	_, other := capture(t, Options{Seed: 2})
	require.NotEqual(t, b, other)
}

func TestMix(t *testing.T) {
	packets, b := capture(t, Options{})
	require.GreaterOrEqual(t, len(packets), 10000)
	seen, sources, blocked := map[string]int{}, map[string]bool{}, 0
	for i, p := range packets {
		require.GreaterOrEqual(t, len(p.Data), ethernetBytes, "packet %d", i)
		require.LessOrEqual(t, len(p.Data), MaxPacket, "packet %d of kind %s", i, p.Kind)
		seen[p.Kind]++
		d := gopacket.NewPacket(p.Data, layers.LayerTypeEthernet, gopacket.NoCopy)
		if n := d.NetworkLayer(); n != nil {
			sources[n.NetworkFlow().Src().String()] = true
		}
		if tr := d.TransportLayer(); tr != nil && tr.TransportFlow().Dst().String() == "4444" {
			blocked++
		}
	}
	for _, k := range kinds {
		require.Greater(t, seen[k.name], 10, "packets of kind %s", k.name)
	}
	require.Greater(t, len(sources), 350)
	require.Greater(t, blocked, 300)
	r, err := pcapgo.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	for i, p := range packets {
		data, ci, err := r.ReadPacketData()
		require.NoError(t, err)
		require.Equal(t, p.Data, data, "packet %d", i)
		require.True(t, p.Time.Equal(ci.Timestamp), "packet %d: %v, %v", i, p.Time, ci.Timestamp)
	}
}

// TestWellFormed lets gopacket check the packets that are meant to be right.
func TestWellFormed(t *testing.T) {
	odd := map[string]bool{"truncated": true, "bad-lengths": true, "fragment4": true, "fragment6": true, "ethertype": true}
	for i, p := range Generate(Options{Packets: 3000}) {
		if odd[p.Kind] {
			continue
		}
		d := gopacket.NewPacket(p.Data, layers.LayerTypeEthernet, gopacket.NoCopy)
		if d.TransportLayer() == nil { // behind it gopacket guesses by the port
			require.Nil(t, d.ErrorLayer(), "packet %d of kind %s: %x", i, p.Kind, p.Data)
		}
		for _, l := range d.Layers() {
			if c, ok := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); ok {
				require.NoError(t, c.SetNetworkLayerForChecksum(d.NetworkLayer()))
			}
		}
		err, wrong := d.VerifyChecksums()
		require.NoError(t, err, "packet %d of kind %s", i, p.Kind)
		require.Empty(t, wrong, "packet %d of kind %s: %x", i, p.Kind, p.Data)
	}
}
