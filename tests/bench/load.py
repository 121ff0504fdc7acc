#!/usr/bin/env python3
"""load.py - many clients at once, over HTTP with connections that are kept: throughput and latency with
batching and without, the two taking turns in one run, beside `scribed transcribe` on the same files. One
JSON object a line.

EVAL=DIR has a folder read16k with text.tsv and its recordings; those of 3 to 15 s are sent. CLIENTS,
ROUNDS and REQUESTS (a round and client, at least) choose; SCRIBED_* variables reach the servers. Every
answer is compared, byte by byte, with what the same recording got when it was alone. Processor time is
given beside wall time, because it is the same when something else runs on the machine."""
import http.client, json, os, resource, subprocess, sys, threading, time, urllib.parse

from daemon import started

EVAL = os.environ.get("EVAL")
CLIENTS = [int(n) for n in os.environ.get("CLIENTS", "1 8 32 64").split()]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
REQUESTS = int(os.environ.get("REQUESTS", "4"))
OTHERS = 31  # beside the one live client that is watched
SHORTEST_SECONDS, LONGEST_SECONDS = 3, 15
PATH = "audio/transcriptions?model=en-v1&response_format=verbose_json&timestamp_granularities=word"


def recordings():
    folder = os.path.join(EVAL, "read16k")
    with open(os.path.join(folder, "text.tsv")) as lines:
        names = [line.split("\t")[0] for line in lines]
    return [os.path.join(folder, name) for name in names]


class Client:
    """One connection."""

    def __init__(self, address):
        url = urllib.parse.urlsplit(address)
        self.path = url.path + PATH
        self.connection = http.client.HTTPConnection(url.hostname, url.port)

    def ask(self, audio, field=""):
        self.connection.request("POST", self.path + field, audio, {"Content-Type": "audio/flac"})
        response = self.connection.getresponse()
        return response.status, response.read()


def processor_seconds(process):
    with open("/proc/%d/stat" % process.pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Round:
    """`clients` clients, each sending its requests as fast as they are answered; what is counted is theirs.
    Meanwhile `others` clients do the same with a field of their own in the query."""

    def __init__(self, server, corpus, clients, others=0, field=""):
        self.corpus, self.lock, self.latencies = corpus, threading.Lock(), []
        self.different = self.refused = self.next = 0
        self.audio_seconds = 0.0
        self.wanted = max(clients * REQUESTS, len(corpus))
        self.address, process = server
        self.over = threading.Event()
        threads = [threading.Thread(target=self.ask_all) for _ in range(clients)]
        company = [threading.Thread(target=self.keep_busy, args=(field, i)) for i in range(others)]
        own, before, start = self.own_seconds(), processor_seconds(process), time.monotonic()
        for thread in company + threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.over.set()
        for thread in company:
            thread.join()
        self.seconds = time.monotonic() - start
        self.processor = processor_seconds(process) - before
        self.own = self.own_seconds() - own

    @staticmethod
    def own_seconds():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def ask_all(self):
        client = Client(self.address)
        while True:
            with self.lock:
                if self.next == self.wanted:
                    return
                recording = self.corpus[self.next % len(self.corpus)]
                self.next += 1
            start = time.monotonic()
            status, answer = client.ask(recording["audio"])
            taken = time.monotonic() - start
            with self.lock:
                self.latencies.append(taken * 1e3)
                self.refused += status != 200
                self.different += status == 200 and answer != recording["answer"]
                self.audio_seconds += recording["seconds"]


    def keep_busy(self, field, number):
        client = Client(self.address)
        while not self.over.is_set():
            recording = self.corpus[number % len(self.corpus)]
            status, answer = client.ask(recording["audio"], field)
            with self.lock:
                self.refused += status != 200
                self.different += status == 200 and answer != recording["answer"]
            number += 1


def load_corpus(address):
    """Those of the right length, each with the answer that it gets while there is no other."""
    client, corpus = Client(address), []
    for file in recordings():
        with open(file, "rb") as audio:
            recording = {"file": file, "audio": audio.read()}
        status, recording["answer"] = client.ask(recording["audio"])
        if status != 200:
            sys.exit("%s: status %d" % (file, status))
        recording["seconds"] = json.loads(recording["answer"])["duration"]
        if SHORTEST_SECONDS <= recording["seconds"] <= LONGEST_SECONDS:
            corpus.append(recording)
    return corpus


def engine(corpus):
    """Audio seconds of the offline command, which keeps its batches full, by wall and processor second."""
    scribed = os.path.join(os.environ.get("BUILD", "build/plain"), "scribed")
    files = [recording["file"] for recording in corpus] * ROUNDS * 2
    audio = sum(recording["seconds"] for recording in corpus) * ROUNDS * 2
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([scribed, "transcribe", "--model", "model/en", "--format", "tsv", *files],
                   check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (audio / seconds,
            audio / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def report(name, clients, rounds):
    """The JSON line; returns throughput by the wall clock and by the processor."""
    latencies = sorted(ms for r in rounds for ms in r.latencies)
    audio, seconds = sum(r.audio_seconds for r in rounds), sum(r.seconds for r in rounds)
    processor = sum(r.processor for r in rounds)
    p50, p95, p99 = (latencies[min(len(latencies) - 1, int(len(latencies) * p))] for p in (0.5, 0.95, 0.99))
    print(json.dumps({
        "bench": "load", "server": name, "clients": clients, "requests": len(latencies),
        "lost": sum(r.wanted for r in rounds) - len(latencies), "refused": sum(r.refused for r in rounds),
        "different": sum(r.different for r in rounds), "audio_seconds": round(audio),
        "audio_seconds_per_second": round(audio / seconds, 1),
        "audio_seconds_per_cpu_second": round(audio / processor, 1),
        "processors_used": round(processor / seconds, 2),
        "client_processors": round(sum(r.own for r in rounds) / seconds, 2),
        "p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "p99_ms": round(p99, 1),
        "p99_over_p50": round(p99 / p50, 2)}), flush=True)
    return audio / seconds, audio / processor


def lanes(server, corpus, others):
    """How long one live client waits among live ones, and among bulk ones."""
    for name, field in ("live", ""), ("bulk", "&priority=bulk"):
        one = Round(server, corpus, 1, others, field)
        latencies = sorted(one.latencies)
        print(json.dumps({"bench": "load", "live_clients": 1, "others": others, "others_are": name,
                          "requests": len(latencies), "refused": one.refused, "different": one.different,
                          "p50_ms": round(latencies[len(latencies) // 2], 1),
                          "p99_ms": round(latencies[int(len(latencies) * 0.99)], 1)}), flush=True)


def main():
    if not EVAL:
        print(json.dumps({"bench": "load", "skipped": "set EVAL to a folder that has read16k"}))
        return
    with started() as on, started("--batch-size", "1") as off:
        corpus = load_corpus(on[0])
        offline = engine(corpus)
        print(json.dumps({"bench": "load", "engine": "scribed transcribe", "files": len(corpus),
                          "audio_seconds_per_second": round(offline[0], 1),
                          "audio_seconds_per_cpu_second": round(offline[1], 1)}), flush=True)
        for clients in CLIENTS:
            rounds = {"batches": [], "one by one": []}
            for _ in range(ROUNDS):
                rounds["batches"].append(Round(on, corpus, clients))
                rounds["one by one"].append(Round(off, corpus, clients))
            batched = report("batches", clients, rounds["batches"])
            alone = report("one by one", clients, rounds["one by one"])
            print(json.dumps({
                "bench": "load", "clients": clients,
                "of_engine": round(batched[0] / offline[0], 2),
                "of_engine_per_cpu_second": round(batched[1] / offline[1], 2),
                "of_one_by_one": round(batched[0] / alone[0], 2),
                "of_one_by_one_per_cpu_second": round(batched[1] / alone[1], 2)}), flush=True)
        lanes(on, corpus, OTHERS)


if __name__ == "__main__":
    main()
