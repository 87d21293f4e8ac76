using KvStore.Compatibility.Tests.Requests;
using KvStore.Compatibility.Tests.Servers;

namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>Runs a script with one etcdctl against one server and notes what came out.</summary>
internal sealed class ScriptRun(string program, bool is35, ServerUnderTest server) : IDisposable
{
    private readonly OutputNormaliser _normaliser = new();

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
                throw new TimeoutException($"{server.Kind}, {program}: {line.Text}: {failure.Message}", failure);
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
            case ScriptAction.Until: await RunUntilAsync(line); break;
            case ScriptAction.Start: _staying.Add(line.Name, Start(line)); break;
            case ScriptAction.Send: await _staying[line.Name].TypeAsync(line.Words[0]); break;
            case ScriptAction.Await: await _staying[line.Name].AwaitLinesAsync(line.Lines); break;
            case ScriptAction.Stop: await StopAsync(line); break;
        }
    }

    private async Task RunToEndAsync(ScriptLine line)
    {
        using var process = Start(line);
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
        using var process = Start(line);
        await process.AwaitLinesAsync(line.Lines);
        Note(line.Text, await process.StopAsync());
    }

    private async Task StopAsync(ScriptLine line)
    {
        _staying.Remove(line.Name, out var process);
        using (process)
            Note(line.Text, await process!.StopAsync());
    }

    private EtcdctlProcess Start(ScriptLine line) =>
        EtcdctlProcess.Start(program, server.Endpoint, line.Words.Select(WithLeases));

    private void Note(string command, EtcdctlOutput output) => Transcript.Add(command, _normaliser.Normalise(output));

    private string WithLeases(string text)
    {
        foreach (var (variable, id) in _leases)
            text = text.Replace(variable, id, StringComparison.Ordinal);
        return text;
    }
}
