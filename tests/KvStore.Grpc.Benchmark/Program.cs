using System.Globalization;
using Google.Protobuf;
using KvStore.Grpc.Benchmark;
using KvStore.Grpc.Tests.Protos;

const string help = """
    Compares the server's CPU time per unary call of KvStore.Grpc with that of a bare MapPost handler, in alternating rounds.

      KvStore.Grpc.Benchmark [--rounds 9] [--calls 60000] [--connections 10] [--streams 10] [--payload 256] [--limit 1.15]

    Each round makes --calls calls to each server; the figures are medians of the rounds. Exit code 1 if the ratio of CPU time
    per call is above --limit.
    """;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["serve", var kind])
{
    Console.WriteLine(await (kind == "ours" ? EchoServers.StartOursAsync() : EchoServers.StartBareAsync()));
    await Console.In.ReadToEndAsync();
    return 0;
}

if (args.Contains("--help"))
{
    Console.WriteLine(help);
    return 0;
}

var rounds = Option("--rounds", 9);
var calls = (int)Option("--calls", 60_000);
var connections = (int)Option("--connections", 10);
var streams = (int)Option("--streams", 10);
var limit = Option("--limit", 1.15);
var payload = ByteString.CopyFrom(new byte[(int)Option("--payload", 256)]);
var message = new EchoRequest { Text = "a key of 16 byte", Payload = payload }.ToByteArray();

using var ours = await ServerProcess.StartAsync("ours");
using var bare = await ServerProcess.StartAsync("bare");
using var oursLoad = new Load(ours, connections, message);
using var bareLoad = new Load(bare, connections, message);
// The first calls measure the compiler: 200,000 are enough for it to come to rest.
foreach (var load in new[] { oursLoad, bareLoad, oursLoad, bareLoad })
    load.Run(100_000, streams);

var oursRounds = new List<Round>();
var bareRounds = new List<Round>();
for (var round = 0; round < rounds; round++)
{
    // Who goes first changes, so that neither gains from what the machine does in between.
    if (round % 2 == 1)
        bareRounds.Add(bareLoad.Run(calls, streams));
    oursRounds.Add(oursLoad.Run(calls, streams));
    if (round % 2 == 0)
        bareRounds.Add(bareLoad.Run(calls, streams));
    Console.WriteLine($"round {round + 1,2}   ours {oursRounds[^1]}   bare {bareRounds[^1]}   "
        + $"ratio {oursRounds[^1].CpuMicroseconds / bareRounds[^1].CpuMicroseconds:F3}");
}

var ratio = Median(oursRounds.Zip(bareRounds, (o, b) => o.CpuMicroseconds / b.CpuMicroseconds));
Console.WriteLine($"median     ours {Median(oursRounds.Select(r => r.CpuMicroseconds)):F2} us CPU a call   "
    + $"bare {Median(bareRounds.Select(r => r.CpuMicroseconds)):F2} us CPU a call   ratio {ratio:F3} (limit {limit:F2})");
Console.WriteLine($"{rounds * calls * 2:N0} calls measured, {(ratio <= limit ? "within the limit" : "ABOVE THE LIMIT")}");
return ratio <= limit ? 0 : 1;

double Option(string name, double fallback) =>
    Array.IndexOf(args, name) is >= 0 and var index ? double.Parse(args[index + 1], CultureInfo.InvariantCulture) : fallback;

static double Median(IEnumerable<double> values)
{
    var sorted = values.Order().ToList();
    return sorted[sorted.Count / 2];
}
