// Package hooks holds the sources of events that programs are attached to:
// direct calls, captured packets, a network interface of this machine, a
// simulated stack of devices, simulated sockets, tracepoints of the running
// kernel and recordings of them, timers, and events and probes of the
// application's own.
//
// It knows events and how they become a program's input; it knows no engine.
// On verdicts act the devices of a [Network], a [Stream], and an interface as
// far as it sends packets back; elsewhere they are counted.
//
// Invariants: every event of a source is either delivered, counted as dropped,
// or ends the source with an error that names the event and its place in the
// file; a packet that was captured in part is never passed off as a whole one
// unless the caller allows it. A source delivers events in their order, one at a
// time. No queue is without bound. A link's Close returns when its runs have
// ended, and no event reaches the program afterwards.
//
//	link, err := prog.Attach(&hooks.Pcap{Path: "traffic.pcap"})
//	report, err := link.(*hooks.Replay).Run(ctx)
//	fmt.Println(report.Packets, report.NsPerPacket())
//
// Sources: the pcap and pcapng file formats (pcap-savefile(5), draft-ietf-opsawg-pcapng),
// read through gopacket; packet(7); perf_event_open(2) and
// Documentation/trace/events.rst; of Linux 6.18 net/bpf/test_run.c for direct
// runs, net/core/dev.c, net/core/filter.c and net/sched/cls_bpf.c for what
// verdicts do.
package hooks
