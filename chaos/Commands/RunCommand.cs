using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KvStore.Chaos.Faults;
using KvStore.Chaos.Rig;
using KvStore.Chaos.Runs;

namespace KvStore.Chaos.Commands;

/// <summary><c>chaos run</c>: a cluster, a storm, a history, a verdict.</summary>
internal static class RunCommand
{
    /// <summary>The supervisor starts the runner by it.</summary>
    public const string InsideName = "run-inside";

    private static readonly Option<long> Seed =
        new("--seed") { Description = "All faults and requests come from it.", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> Minutes =
        new("--minutes") { Description = "How long traffic and faults last.", DefaultValueFactory = _ => 3 };
    private static readonly Option<int> Members = new("--members") { Description = "3 or 5.", DefaultValueFactory = _ => 3 };
    private static readonly Option<string> Faults = new("--faults")
    {
        Description = $"Kinds to draw from, comma-separated; all unless given: {string.Join(' ', FaultCatalogue.Names)}.",
    };
    private static readonly Option<string> Server = new("--server")
    {
        Description = "The command of a member, with {name} {data-dir} {client-url} {peer-url} {initial-cluster} {state} "
            + "{token}; without any of them a program with etcd's flags. The default is this repository's kvstore.",
    };
    private static readonly Option<string> Out =
        new("--out") { Description = "Where history, logs and report go; artifacts/chaos/... unless given." };
    private static readonly Option<double> Rate =
        new("--rate") { Description = "Scales the number of requests.", DefaultValueFactory = _ => 1 };

    private static readonly Option<string> Against = new("--against")
    {
        Description = "Another server's command: the same storm is run on it afterwards, and both are printed side by side.",
    };

    public static Command Create()
    {
        Members.AcceptOnlyFromAmong("3", "5");
        Faults.Validators.Add(result =>
        {
            foreach (string name in Split(result.GetValueOrDefault<string>()).Except(FaultCatalogue.Names))
                result.AddError($"there is no fault {name}; there are {string.Join(' ', FaultCatalogue.Names)}");
        });
        var command = new Command("run", "Starts a cluster in namespaces of its own and puts it under a storm of faults.")
        {
            Seed, Minutes, Members, Faults, Server, Against, Out, Rate,
        };
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    /// <summary>For the supervisor, not for people.</summary>
    public static Command CreateInside()
    {
        var file = new Argument<string>("request");
        var command = new Command(InsideName) { file };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunnerProcess.RunAsync(parsed.GetRequiredValue(file)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed)
    {
        if (await Requirements.MissingAsync() is { } missing)
        {
            await Console.Error.WriteLineAsync($"chaos cannot run here: {missing}");
            return ExitCodes.CannotRunHere;
        }
        try
        {
            await RunLedger.SweepAsync();
            string server = parsed.GetValue(Server) ?? DefaultServer.Find();
            string folder = Path.GetFullPath(parsed.GetValue(Out)
                ?? Path.Combine("artifacts", "chaos", $"seed-{parsed.GetValue(Seed)}-{DateTime.UtcNow:yyyyMMdd-HHmmss}"));
            int code = await RunAsync(parsed, server, folder);
            if (parsed.GetValue(Against) is not { } other || !File.Exists(RunSession.SummaryFile(folder)))
                return code;
            string otherFolder = folder + "-against";
            int otherCode = await RunAsync(parsed, other, otherFolder);
            if (File.Exists(RunSession.SummaryFile(otherFolder)))
                SideBySide.Print(server, RunSession.ReadSummary(folder), other, RunSession.ReadSummary(otherFolder));
            // What the other one does wrong is told above; the verdict is about ours.
            Console.WriteLine($"verdicts: exit codes {code} and {otherCode}");
            return code;
        }
        catch (RigException problem)
        {
            await Console.Error.WriteLineAsync($"chaos: {problem.Message}");
            return ExitCodes.RigFailed;
        }
    }

    private static async Task<int> RunAsync(ParseResult parsed, string server, string folder)
    {
        var ledger = RunLedger.Create();
        var request = Request(parsed, server, folder, ledger);
        int code = await Supervisor.RunAsync(ledger, InsideName, Write(request, ledger));
        return code == ExitCodes.Passed ? RunVerdict.Judge(folder) : code;
    }

    private static RunRequest Request(ParseResult parsed, string server, string folder, RunLedger ledger)
    {
        long seed = parsed.GetValue(Seed);
        string id = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string[] faults = [.. Split(parsed.GetValue(Faults))];
        return new RunRequest
        {
            Seed = seed,
            Minutes = parsed.GetValue(Minutes),
            MemberCount = parsed.GetValue(Members),
            Faults = faults.Length > 0 ? faults : FaultCatalogue.Names,
            ServerTemplate = server,
            OutFolder = folder,
            WorkFolder = Path.Combine(Path.GetTempPath(), $"kvstore-chaos-{id}"),
            LedgerFile = ledger.Path,
            RunId = id,
            Command = "chaos " + string.Join(' ', parsed.Tokens.Select(token => Quoted(token.Value))),
            Rate = parsed.GetValue(Rate),
        };
    }

    private static string Write(RunRequest request, RunLedger ledger)
    {
        if (Directory.Exists(request.OutFolder) && Directory.EnumerateFileSystemEntries(request.OutFolder).Any())
            throw new RigException($"{request.OutFolder} is not empty: give another folder by --out");
        ledger.AddFolder(request.WorkFolder);
        Directory.CreateDirectory(request.WorkFolder);
        Directory.CreateDirectory(request.OutFolder);
        string file = Path.Combine(request.WorkFolder, "request.json");
        File.WriteAllText(file, JsonSerializer.Serialize(request));
        return file;
    }

    private static string Quoted(string word) => word.Contains(' ') ? $"'{word}'" : word;

    private static IEnumerable<string> Split(string? names) =>
        (names ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
