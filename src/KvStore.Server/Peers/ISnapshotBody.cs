namespace KvStore.Server.Peers;

/// <summary>The state behind one Snap message, held for as long as it takes to send it.</summary>
public interface ISnapshotBody : IAsyncDisposable
{
    /// <summary>Writes the state. Called again, with another token, when a transfer broke.</summary>
    /// <param name="resumeToken">
    /// What <see cref="IPeerReceiver.FindResumeToken"/> said on the other side; empty is from the start. It came over the
    /// network: to be checked.
    /// </param>
    Task WriteToAsync(Stream target, ReadOnlyMemory<byte> resumeToken, CancellationToken cancellation);
}
