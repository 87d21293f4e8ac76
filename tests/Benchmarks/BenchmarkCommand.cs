using System.CommandLine;
using KvStore.Benchmarks.Reports;
using KvStore.Benchmarks.Scenarios;
using KvStore.Benchmarks.Servers;

namespace KvStore.Benchmarks;

/// <summary>The command line: which scenarios, against whom, how long, and what must come out.</summary>
internal static class BenchmarkCommand
{
    private const string AllFloors = "all";
    private const int Interrupted = 130;

    private static readonly Scenario[] _scenarios =
    [
        new MicroScenario("micro", "every workload with 1, 100 and 1000 clients"),
        new MillionScenario("million", "1 M keys of 256 bytes: loading, memory, directory, restart", keyCount: 1_000_000),
        new ColdScenario(),
        new SlowDiskScenario(),
        new MicroScenario("cluster", "the workloads of micro on three members each", memberCount: 3),
        new AwayScenario(),
        new MillionScenario("ten-million", "the same with 10 M keys (an hour or more)", keyCount: 10_000_000),
    ];

    private static readonly Argument<string[]> _names = new("scenarios")
    {
        Description = string.Join("; ", _scenarios.Select(scenario => $"{scenario.Name}: {scenario.Description}")),
        DefaultValueFactory = _ => ["micro"],
    };

    private static readonly Option<string?> _against = new("--against")
    {
        Description = "etcd: also measure it, in turn with ours, and print ratios",
    };

    private static readonly Option<string?> _only = new("--only") { Description = "kvstore or etcd: measure this server alone" };

    private static readonly Option<int> _rounds = new("--rounds")
    {
        Description = "How often each workload is measured; medians are reported",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<bool> _quick = new("--quick") { Description = "A smoke test: everything small" };

    private static readonly Option<string[]> _rows = new("--rows")
    {
        Description = "Only these rows: put/1000 say, or put for all of its",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string[]> _check = new("--check")
    {
        Description = "Fail when this ratio of ours to etcd's is missed: \"put/1000 cpu <= 0.6\"; " +
            "all: what the store is held to in these scenarios",
    };

    private static readonly Option<string?> _json = new("--json") { Description = "Also write everything to this file" };

    private static readonly Option<string?> _folder = new("--folder")
    {
        Description = "For the servers' data; the default is artifacts/bench",
    };

    private static readonly Option<string?> _kvstore = new("--kvstore")
    {
        Description = "Our executable, if not the one that the solution builds",
    };

    private static readonly Option<string[]> _kvstoreFlag = new("--kvstore-flag") { Description = "A further flag for ours" };

    private static readonly Option<string?> _etcd = new("--etcd")
    {
        Description = "etcd's executable, if neither from PATH nor from artifacts/etcd",
    };

    private static readonly Option<bool> _verbose = new("--verbose")
    {
        Description = "Without a terminal: a line on standard error for each step",
    };

    public static RootCommand Create()
    {
        foreach (var option in (Option<string?>[])[_against, _only])
            option.AcceptOnlyFromAmong(option == _against ? ["etcd"] : ["kvstore", "etcd"]);
        _names.AcceptOnlyFromAmong([.. _scenarios.Select(scenario => scenario.Name)]);
        var root = new RootCommand("Measures kvstore, and etcd beside it. Exit code 0: all floors reached; 1: not.")
        {
            _names, _against, _only, _rounds, _quick, _rows, _check, _json, _folder, _kvstore, _kvstoreFlag, _etcd, _verbose,
        };
        root.SetAction((arguments, cancellation) => Task.FromResult(Run(arguments, cancellation)));
        return root;
    }

    private static int Run(ParseResult arguments, CancellationToken cancellation)
    {
        try
        {
            return Measure(arguments, cancellation);
        }
        catch (BenchmarkException reason)
        {
            Console.Error.WriteLine($"Error: {reason.Message}");
            return 1;
        }
    }

    private static int Measure(ParseResult arguments, CancellationToken cancellation)
    {
        var floors = ReadFloors(arguments);
        var settings = ReadSettings(arguments);
        var scenarios = arguments.GetValue(_names)!.Select(name => _scenarios.Single(scenario => scenario.Name == name)).ToList();
        var versions = settings.Servers.ToDictionary(server => server.Name, ServerLocations.VersionOf);
        var report = new Report();
        Directory.CreateDirectory(settings.Folder);
        bool isComplete = TryRun(progress =>
        {
            foreach (var scenario in scenarios)
                RunOne(scenario, new ScenarioContext(settings, report, progress, cancellation), report);
        });
        ReportTable.Write(report, [.. versions.Keys], Console.Out);
        int missed = WriteFloors(report, floors, Console.Out);
        if (arguments.GetValue(_json) is { } file)
            File.WriteAllText(file, ReportJson.Of(report, versions, floors));
        foreach (string failure in report.Failures)
            Console.Out.WriteLine($"FAILED {failure}");
        Console.Out.WriteLine($"{report.Measurements.Count} measurements in {report.Rows.Count()} rows, " +
            $"{report.Failures.Count} failures; {floors.Count - missed} of {floors.Count} floors reached.");
        return !isComplete ? Interrupted : missed == 0 && report.Failures.Count == 0 ? 0 : 1;

        // What was measured before an interruption is reported all the same: it may be the better part of an hour.
        bool TryRun(Action<Action<string, double>> work)
        {
            try
            {
                BenchmarkDisplay.Run(arguments.GetValue(_verbose), work);
                return true;
            }
            catch (OperationCanceledException)
            {
                Console.Error.WriteLine("Interrupted; the servers have ended and their data is deleted.");
                return false;
            }
        }
    }

    /// <summary>A scenario that cannot run at all fails by itself: those after it are still measured.</summary>
    private static void RunOne(Scenario scenario, ScenarioContext context, Report report)
    {
        try
        {
            scenario.Run(context);
        }
        catch (Exception failure) when (failure is BenchmarkException or KvStore.Server.Bench.Load.LoadException)
        {
            report.AddFailure($"{scenario.Name}: {failure.Message}");
        }
    }

    private static ScenarioSettings ReadSettings(ParseResult arguments)
    {
        bool isComparing = arguments.GetValue(_against) is not null;
        string? only = arguments.GetValue(_only);
        if (isComparing && only is not null)
            throw new BenchmarkException("--only measures one server alone, --against both: give one of them.");
        var servers = new List<ServerKind>();
        if (only != "etcd")
            servers.Add(ServerLocations.KvStore(arguments.GetValue(_kvstore), arguments.GetValue(_kvstoreFlag) ?? []));
        if (isComparing || only == "etcd")
            servers.Add(ServerLocations.Etcd(arguments.GetValue(_etcd)));
        string folder = arguments.GetValue(_folder) ?? Path.Combine(ServerLocations.RepositoryRoot, "artifacts/bench");
        return new ScenarioSettings
        {
            Servers = servers,
            Rounds = arguments.GetValue(_quick) ? 1 : Math.Max(1, arguments.GetValue(_rounds)),
            IsQuick = arguments.GetValue(_quick),
            Folder = Path.GetFullPath(folder),
            RowFilter = arguments.GetValue(_rows) ?? [],
        };
    }

    private static List<Floor> ReadFloors(ParseResult arguments)
    {
        string[] texts = arguments.GetValue(_check) ?? [];
        if (texts.Length > 0 && arguments.GetValue(_against) is null)
            throw new BenchmarkException("--check compares with etcd: add --against etcd.");
        return [.. texts.SelectMany(text => text == AllFloors ? Floor.All.Where(IsAskedFor) : [Floor.Parse(text)])];

        // Rows bear the name of their scenario first, but for the many of "micro".
        bool IsAskedFor(Floor floor)
        {
            string start = floor.Row.Split('/')[0];
            return arguments.GetValue(_names)!.Contains(_scenarios.Any(scenario => scenario.Name == start) ? start : "micro");
        }
    }

    /// <returns>How many floors are missed; one that was not measured is.</returns>
    private static int WriteFloors(Report report, List<Floor> floors, TextWriter output)
    {
        foreach (var floor in floors)
        {
            string verdict = floor.IsReached(report) switch { true => "reached", false => "MISSED", null => "NOT MEASURED" };
            output.WriteLine(
                $"floor {floor}: {verdict}{(report.Ratio(floor.Row, floor.Metric) is { } ratio ? $" ({ratio:0.00})" : "")}");
        }
        return floors.Count(floor => floor.IsReached(report) != true);
    }
}
