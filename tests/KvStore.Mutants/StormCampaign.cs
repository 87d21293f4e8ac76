using System.Globalization;

namespace KvStore.Mutants;

/// <summary>Plants one mutant after the other in the server, and puts real processes of it under storms until one shows a
/// violation.</summary>
internal sealed class StormCampaign
{
    private const int MessageLimit = 170;

    private readonly long _firstSeed;
    private readonly long _lastSeed;
    private readonly SourceCopy _copy;
    private readonly Workshop _workshop;
    private readonly StormJudge _judge;
    private readonly string _servers;
    private readonly List<string> _survivors = [];
    private readonly List<string> _untried = [];

    /// <summary>By the options of the rig: mutants with the same faults share them.</summary>
    private readonly Dictionary<string, Storm> _unchanged = [];

    public StormCampaign(string root, (long First, long Last) seeds, int minutes)
    {
        (_firstSeed, _lastSeed) = seeds;
        string folder = Path.Combine(root, "artifacts", "mutants");
        _copy = new SourceCopy(root, Path.Combine(folder, "tree"));
        _workshop = new Workshop(_copy, Path.Combine(folder, "unchanged-server"));
        _servers = Path.Combine(folder, "servers");
        _judge = new StormJudge(_workshop.ChaosProgram, Path.Combine(folder, "storms"), minutes);
    }

    public int Run(List<Mutant> mutants)
    {
        try
        {
            _copy.Update();
            _workshop.BuildUnchangedServer();
        }
        catch (BuildException trouble)
        {
            Console.Error.WriteLine(trouble.Message);
            return 2;
        }
        Console.WriteLine("| Mutant | Breaks | Found by | Storms | Options | Seconds | The unchanged server there |");
        Console.WriteLine("|---|---|---|---:|---|---:|---|");
        foreach (var (mutant, server) in BuildAll(mutants))
            TryOrTell(mutant, server);
        Console.WriteLine();
        string survivors = string.Concat(_survivors.Select(name => " " + name));
        int found = mutants.Count - _survivors.Count - _untried.Count;
        Console.WriteLine(
            $"{mutants.Count} mutants, {found} found, {_survivors.Count} survived{survivors}, {_untried.Count} not judged");
        return _untried.Count > 0 ? 2 : _survivors.Count == 0 ? 0 : 1;
    }

    /// <summary>One after the other, while those before are judged: a storm leaves processors idle now and then.</summary>
    private List<(Mutant Mutant, Task<string> Server)> BuildAll(List<Mutant> mutants)
    {
        var servers = new List<(Mutant, Task<string>)>();
        Task last = Task.CompletedTask;
        foreach (var mutant in mutants)
        {
            var server = last.ContinueWith(_ => Build(mutant), TaskScheduler.Default);
            servers.Add((mutant, server));
            last = server;
        }
        return servers;
    }

    private string Build(Mutant mutant)
    {
        string program = "";
        _copy.WithPlanted(
            mutant, () => program = _workshop.BuildPlantedServer(mutant.Project, Path.Combine(_servers, mutant.Name)));
        return program;
    }

    private void TryOrTell(Mutant mutant, Task<string> server)
    {
        try
        {
            Try(mutant, server.GetAwaiter().GetResult());
        }
        catch (Exception trouble) when (trouble is BuildException or JudgeException)
        {
            _untried.Add(mutant.Name);
            Console.Error.WriteLine($"{mutant.Name}: {trouble.Message}");
        }
    }

    private void Try(Mutant mutant, string server)
    {
        var time = TimeSpan.Zero;
        Storm storm;
        long seed = _firstSeed;
        do
        {
            storm = _judge.Run(server, mutant.Name, seed, mutant.StormFaults);
            time += storm.Time;
        }
        while (storm.Violation is null && seed++ < _lastSeed);
        Tell(mutant, storm, time, storm.Violation is null ? "-" : Unchanged(storm.Seed, mutant.StormFaults));
    }

    /// <summary>What a mutant is found by must not be there without it.</summary>
    private string Unchanged(long seed, string? faults)
    {
        string options = _judge.Options(seed, faults);
        if (!_unchanged.TryGetValue(options, out var storm))
        {
            storm = _judge.Run(_workshop.UnchangedServerProgram, $"unchanged-{_unchanged.Count}", seed, faults);
            _unchanged.Add(options, storm);
        }
        return storm.Violation is null
            ? storm.Why
            : throw new JudgeException($"the unchanged server is violated by {options} too: {storm.Violation}");
    }

    private void Tell(Mutant mutant, Storm storm, TimeSpan time, string unchanged)
    {
        if (storm.Violation is null)
            _survivors.Add(mutant.Name);
        string by = storm.Violation is { } violation ? Short(violation) : $"**nobody**: {Short(storm.Why)}";
        string options = _judge.Options(storm.Seed, mutant.StormFaults);
        string run = string.Create(
            CultureInfo.InvariantCulture, $"{storm.Seed - _firstSeed + 1} | `{options}` | {time.TotalSeconds:F0}");
        Console.WriteLine($"| `{mutant.Name}` | {mutant.Rule} | {by} | {run} | {Short(unchanged)} |");
        Console.Out.Flush();
    }

    private static string Short(string text) =>
        (text.Length <= MessageLimit ? text : text[..MessageLimit] + "...").Replace("|", "\\|");
}
