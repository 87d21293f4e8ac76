using System.CommandLine;
using KvStore.Server.Bench.Load;
using KvStore.Server.Bench.Results;

namespace KvStore.Server.Bench;

/// <summary><c>kvstore bench WORKLOAD</c>: puts a server that speaks etcd's API under load and measures it.</summary>
/// <remarks>Exit codes: 0 all answered well, 1 some answers were errors or the load broke off, 130 interrupted.</remarks>
public static class BenchCommand
{
    public const string Name = "bench";

    private const int Failed = 1, Interrupted = 130;

    public static Command Create()
    {
        var bench = new Command(Name, "Measure a server of etcd's API under load");
        bench.Subcommands.Add(Workload("put", "Puts", LoadPlan.Put));
        bench.Subcommands.Add(Workload("load", "Put every key of the key space once, in order", LoadPlan.Load));
        bench.Subcommands.Add(RangeCommand());
        bench.Subcommands.Add(Workload("txn-put", "Transactions of a compare that holds and a put", LoadPlan.TxnPut));
        bench.Subcommands.Add(TxnMixedCommand());
        bench.Subcommands.Add(Workload("range-beside-put", "Linearizable reads beside as many puts", LoadPlan.RangeBesidePut));
        bench.Subcommands.Add(WatchCommand("watch", "The most events a second, all clients watching all", defaultRate: null));
        bench.Subcommands.Add(WatchCommand("watch-latency", "From put to event, at a rate of puts", defaultRate: 200));
        bench.Subcommands.Add(Workload("lease-keepalive", "Lease renewals, each client on its stream", LoadPlan.LeaseKeepAlive));
        return bench;
    }

    private static Command RangeCommand()
    {
        var serializable = new Option<bool>("--serializable") { Description = "May be stale; the default is linearizable" };
        var keys = BenchOptions.Count("--keys", "Keys in each answer", 1);
        var command =
            new Command("range", "Reads of one key or many; load the key space first") { Options = { serializable, keys } };
        return Complete(command, (settings, arguments) =>
            LoadPlan.Range(settings, arguments.GetValue(serializable), arguments.GetValue(keys)));
    }

    private static Command TxnMixedCommand()
    {
        var readShare = new Option<double>("--read-share") { Description = "0 to 1", DefaultValueFactory = _ => 0.5 };
        var command =
            new Command("txn-mixed", "Transactions that read or write; load the key space first") { Options = { readShare } };
        return Complete(command, (settings, arguments) => LoadPlan.TxnMixed(settings, arguments.GetValue(readShare)));
    }

    private static Command WatchCommand(string name, string description, double? defaultRate)
    {
        var putConnections = BenchOptions.Count("--put-connections", "Connections that put", 10);
        var putStreams = BenchOptions.Count("--put-streams", "Clients on each of them", 10);
        var command = new Command(name, description) { Options = { putConnections, putStreams } };
        return Complete(command, (settings, arguments) => LoadPlan.Watch(
            settings with { RatePerSecond = settings.RatePerSecond ?? defaultRate },
            arguments.GetValue(putConnections),
            arguments.GetValue(putStreams),
            name));
    }

    private static Command Workload(string name, string description, Func<LoadSettings, LoadPlan> plan) =>
        Complete(new Command(name, description), (settings, _) => plan(settings));

    private static Command Complete(Command command, Func<LoadSettings, ParseResult, LoadPlan> plan)
    {
        var options = new BenchOptions();
        options.AddTo(command);
        // Asynchronous only to be given the token that Ctrl-C cancels: the load keeps its thread to the end.
        command.SetAction((arguments, cancellation) => Task.FromResult(
            Run(() => plan(options.Read(arguments), arguments), options.JsonFile(arguments), cancellation)));
        return command;
    }

    private static int Run(Func<LoadPlan> plan, string? jsonFile, CancellationToken cancellation)
    {
        try
        {
            var result = ProgressDisplay.Show(plan(), cancellation);
            ResultText.Write(result, Console.Out);
            if (jsonFile is not null)
                File.WriteAllText(jsonFile, ResultJson.Of(result).ToJsonString(ResultJson.Options) + "\n");
            return result.HasErrors ? Failed : 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Interrupted: nothing was measured.");
            return Interrupted;
        }
        catch (Exception reason) when (reason is LoadException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"Error: {reason.Message}");
            return Failed;
        }
    }
}
