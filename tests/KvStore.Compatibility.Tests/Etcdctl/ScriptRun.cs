using System.Diagnostics;
using KvStore.Compatibility.Tests.Requests;
using KvStore.Compatibility.Tests.Servers;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>Runs a script with one etcdctl against one server, or a cluster, and notes what came out.</summary>
/// <param name="endpoints">For etcdctl.</param>
/// <param name="cluster">Null for a lone server.</param>
internal sealed class ScriptRun(string program, bool is35, ServerKind kind, string endpoints, ClusterUnderTest? cluster = null) : IDisposable
{
    private const string Unhealthy = "etcdserver: unhealthy cluster";

    /// <summary>How long a command is tried that must come to something.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly OutputNormaliser _normaliser = new() { HasMembersInAnyOrder = cluster is not null };

    private readonly Dictionary<string, string> _leases = [];

    private readonly Dictionary<string, EtcdctlProcess> _staying = [];

    public Transcript Transcript { get; } = new();

    public async Task RunAsync(Script script)
    {
        foreach (var line in script.Lines.Where(line => is35 || !line.IsFor35Only))
        {
            try
            {
                await RunAsync(line);
            }
            catch (TimeoutException failure)
            {
                throw new TimeoutException($"{kind}, {program}: {line.Text}: {failure.Message}", failure);
            }
        }
    }

    public void Dispose()
    {
        foreach (var process in _staying.Values)
            process.Dispose();
    }

    private async Task RunAsync(ScriptLine line)
    {
        switch (line.Action)
        {
            case ScriptAction.Run: await RunToEndAsync(line); break;
            case ScriptAction.Eventually: await RunAgainWhileAsync(line, output => output.ExitCode != 0); break;
            case ScriptAction.WhenHealthy: await RunAgainWhileAsync(line, output => output.Errors.Contains(Unhealthy)); break;
            case ScriptAction.Join: await cluster!.JoinAsync(line.Name); break;
            case ScriptAction.Until: await RunUntilAsync(line); break;
            case ScriptAction.Start: _staying.Add(line.Name, await StartAsync(line)); break;
            case ScriptAction.Send: await _staying[line.Name].TypeAsync(line.Words[0]); break;
            case ScriptAction.Await: await _staying[line.Name].AwaitLinesAsync(line.Lines); break;
            case ScriptAction.Stop: await StopAsync(line); break;
        }
    }

    private async Task RunToEndAsync(ScriptLine line)
    {
        using var process = await StartAsync(line);
        var output = await process.CompleteAsync(WithLeases(line.Input));
        if (line.LeaseVariable is { } variable)
        {
            string id = OutputNormaliser.LeaseIn(output.Text);
            _leases[variable] = id;
            _normaliser.Name(variable, id);
        }
        Note(line.Text, output);
    }

    private async Task RunUntilAsync(ScriptLine line)
    {
        using var process = await StartAsync(line);
        await process.AwaitLinesAsync(line.Lines);
        Note(line.Text, await process.StopAsync());
    }

    private async Task StopAsync(ScriptLine line)
    {
        _staying.Remove(line.Name, out var process);
        using (process)
            Note(line.Text, await process!.StopAsync());
    }

    private async Task RunAgainWhileAsync(ScriptLine line, Func<EtcdctlOutput, bool> isToBeTriedAgain)
    {
        for (long start = Stopwatch.GetTimestamp(); ;)
        {
            using var process = await StartAsync(line);
            var output = await process.CompleteAsync("");
            if (isToBeTriedAgain(output) && Stopwatch.GetElapsedTime(start) < Patience)
                continue;
            Note(line.Text, output);
            return;
        }
    }

    private async Task<EtcdctlProcess> StartAsync(ScriptLine line)
    {
        var words = line.Words.Select(WithLeases).ToArray();
        if (cluster is not null)
            words = await Task.WhenAll(words.Select(cluster.ResolveAsync));
        return EtcdctlProcess.Start(program, endpoints, words);
    }

    private void Note(string command, EtcdctlOutput output) => Transcript.Add(command, _normaliser.Normalise(output));

    private string WithLeases(string text)
    {
        foreach (var (variable, id) in _leases)
            text = text.Replace(variable, id, StringComparison.Ordinal);
        return text;
    }
}
