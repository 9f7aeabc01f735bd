// Package hooks holds the sources of events that programs are attached to:
// captured packets and direct calls.
//
// It knows events and how they become a program's input; it knows no engine.
// It does not act on verdicts, it counts them.
//
// Invariants: every event of a source is either delivered or ends the replay
// with an error that names the event and its place in the file; a packet that
// was captured in part is never passed off as a whole one unless the caller
// allows it. Events are delivered in the order of the source, one at a time.
//
//	link, err := prog.Attach(&hooks.Pcap{Path: "traffic.pcap"})
//	report, err := link.(*hooks.Replay).Run(ctx)
//	fmt.Println(report.Packets, report.NsPerPacket())
//
// Sources: the pcap file format as tcpdump writes it (pcap-savefile(5)), read
// through gopacket; net/bpf/test_run.c of Linux 6.18 for direct runs.
package hooks
