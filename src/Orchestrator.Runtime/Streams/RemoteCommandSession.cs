using System.Threading.Channels;

namespace Orchestrator.Runtime.Streams;

/// <summary>The streams of one exec or attach, as the container's side sees them, whatever protocol carries them.</summary>
/// <remarks>A stream that was not asked for is <see cref="Stream.Null"/>: it reads as ended and swallows what is written.</remarks>
public sealed class RemoteCommandSession
{
    public required RemoteCommandOptions Options { get; init; }

    /// <summary>Ends when the client closes its input; protocols before v5 over WebSocket have no such end.</summary>
    public Stream Stdin { get; init; } = Stream.Null;

    public Stream Stdout { get; init; } = Stream.Null;
    public Stream Stderr { get; init; } = Stream.Null;

    /// <summary>The terminal's sizes as they change; ends with the session, or at once without a terminal.</summary>
    public required ChannelReader<TerminalSize> Sizes { get; init; }
}

/// <summary>Runs the command of a session to its end; by then it has stopped to use the session's streams.</summary>
/// <param name="disconnected">The client is gone: nothing that is written reaches anybody.</param>
public delegate Task<RemoteCommandResult> RemoteCommandHandler(RemoteCommandSession session, CancellationToken disconnected);
