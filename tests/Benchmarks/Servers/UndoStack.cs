namespace KvStore.Benchmarks.Servers;

/// <summary>Undoes steps in reverse order, all of them even where one fails; what failed is told at the end.</summary>
internal sealed class UndoStack : IDisposable
{
    private readonly Stack<Action> _steps = [];

    public void Push(Action step) => _steps.Push(step);

    public T Own<T>(T owned)
        where T : IDisposable
    {
        _steps.Push(owned.Dispose);
        return owned;
    }

    /// <exception cref="BenchmarkException">Something is left that must be removed by hand.</exception>
    public void Dispose()
    {
        var failures = new List<string>();
        while (_steps.TryPop(out var step))
        {
            try
            {
                step();
            }
            catch (Exception failure) when (failure is BenchmarkException or IOException or UnauthorizedAccessException)
            {
                failures.Add(failure.Message);
            }
        }
        if (failures.Count > 0)
            throw new BenchmarkException($"Could not clean up, please do it by hand: {string.Join("; ", failures)}");
    }
}
