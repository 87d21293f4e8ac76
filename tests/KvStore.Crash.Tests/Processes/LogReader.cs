namespace KvStore.Crash.Tests.Processes;

/// <summary>The lines that a process writes to its log, for whoever waits for one of them.</summary>
internal sealed class LogReader
{
    private const int LinesShown = 40;

    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Match, TaskCompletionSource<string> Found)> _waiting = [];
    private bool _isEnded;

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
                return [.. _lines];
        }
    }

    /// <summary>Reads to the end.</summary>
    public async Task ReadAsync(TextReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
            Add(line);
        End();
    }

    /// <summary>The first line, read already or not, that matches.</summary>
    /// <exception cref="InvalidOperationException">The log ended without such a line.</exception>
    public Task<string> LineAsync(Func<string, bool> match)
    {
        lock (_lock)
        {
            if (_lines.Find(line => match(line)) is { } known)
                return Task.FromResult(known);
            if (_isEnded)
                return Task.FromException<string>(NoSuchLine());
            var found = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((match, found));
            return found.Task;
        }
    }

    /// <summary>The last lines, to be shown when a test fails.</summary>
    public override string ToString()
    {
        lock (_lock)
            return string.Join('\n', _lines.TakeLast(LinesShown));
    }

    private void Add(string line)
    {
        lock (_lock)
        {
            _lines.Add(line);
            foreach (var (_, found) in _waiting.Where(waiter => waiter.Match(line)).ToArray())
                found.TrySetResult(line);
            _waiting.RemoveAll(waiter => waiter.Found.Task.IsCompleted);
        }
    }

    private void End()
    {
        lock (_lock)
        {
            _isEnded = true;
            foreach (var (_, found) in _waiting)
                found.TrySetException(NoSuchLine());
            _waiting.Clear();
        }
    }

    private InvalidOperationException NoSuchLine() =>
        new($"the process ended without the expected line in its log:\n{string.Join('\n', _lines.TakeLast(LinesShown))}");
}
