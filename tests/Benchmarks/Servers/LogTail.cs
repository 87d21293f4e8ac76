using System.Diagnostics;

namespace KvStore.Benchmarks.Servers;

/// <summary>Keeps the last lines that a process wrote, for the report of its failure; the rest is dropped.</summary>
internal sealed class LogTail
{
    private const int LineLimit = 40;

    private readonly Queue<string> _lines = [];

    public LogTail(Process process)
    {
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public override string ToString()
    {
        lock (_lines)
            return _lines.Count == 0 ? "(it logged nothing)" : string.Join('\n', _lines);
    }

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > LineLimit)
                _lines.Dequeue();
        }
    }
}
