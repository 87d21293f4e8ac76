namespace Orchestrator.Runtime.Streams;

/// <summary>An exec or attach session as the client sees it.</summary>
/// <remarks>Outputs have to be read: what nobody reads holds up the whole session, its result too.</remarks>
public sealed class RemoteCommandConnection : IAsyncDisposable
{
    /// <summary>What the server may say on its error stream.</summary>
    private const int ErrorLimit = 256 * 1024;

    private readonly DuplexStream _error;
    private readonly IAsyncDisposable _owner;

    internal RemoteCommandConnection(DuplexStream error, IAsyncDisposable owner)
    {
        _error = error;
        _owner = owner;
    }

    /// <summary>The command's input; <see cref="DuplexStream.CompleteWritesAsync"/> is its end. Null when not asked for.</summary>
    public DuplexStream? Stdin { get; internal init; }

    /// <summary>Null when not asked for, as the next.</summary>
    public Stream? Stdout { get; internal init; }

    public Stream? Stderr { get; internal init; }

    /// <summary>How the command ended; an <see cref="IOException"/> if the connection did before it.</summary>
    public Task<RemoteCommandResult> Result { get; private set; } = null!;

    internal DuplexStream? Resize { get; init; }

    /// <summary>The protocol says how the command ended also when it ended well.</summary>
    internal bool AlwaysHasResult { get; init; }

    /// <summary>Tells the command of its terminal's size; without a terminal nobody is told.</summary>
    public ValueTask ResizeAsync(TerminalSize size, CancellationToken ct = default) =>
        Resize?.WriteAsync(size.ToJson(), ct) ?? ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _owner.DisposeAsync();

    internal RemoteCommandConnection Begin()
    {
        Result = ReadResultAsync();
        _ = Result.ContinueWith(
            failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return this;
    }

    private async Task<RemoteCommandResult> ReadResultAsync()
    {
        await _error.CompleteWritesAsync();
        using var said = new MemoryStream();
        var buffer = new byte[4096];
        int count;
        while ((count = await _error.ReadAsync(buffer)) > 0)
        {
            said.Write(buffer, 0, count);
            if (said.Length > ErrorLimit)
                throw new IOException($"the server says more than {ErrorLimit} bytes about its error");
        }
        if (said.Length == 0 && AlwaysHasResult)
            throw new IOException("the session ended without a result");
        return RemoteCommandResult.Parse(said.GetBuffer().AsSpan(0, (int)said.Length));
    }
}
