package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// module is where validator and compiler come from.
const module = "github.com/bpfproof/bpfproof"

// build identifies the validator that makes certificates: another build of it may
// know of an error in this one, so it does not use what this one proved.
var build = sync.OnceValues(func() (string, error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		if id := released(info); id != "" {
			return digest([]byte(id)), nil
		}
	}
	return ownDigest()
})

// released returns what tells the sources of a build: the sum of the module, or
// the commit that it was built from; "" where changes may have come on top.
func released(info *debug.BuildInfo) string {
	for _, m := range info.Deps {
		if m.Path == module && m.Replace == nil && m.Sum != "" {
			return info.GoVersion + " " + m.Version + " " + m.Sum
		}
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if info.Main.Path == module && settings["vcs.revision"] != "" && settings["vcs.modified"] == "false" {
		return info.GoVersion + " " + settings["vcs.revision"]
	}
	return ""
}

// ownDigest is that of the running executable.
func ownDigest() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("pipeline: identify build: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("pipeline: identify build: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("pipeline: identify build: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
