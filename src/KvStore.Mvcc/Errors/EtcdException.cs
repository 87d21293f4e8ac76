namespace KvStore.Mvcc.Errors;

/// <summary>A request is refused: the client gets <see cref="Error"/>, and nothing was changed.</summary>
public sealed class EtcdException(EtcdError error) : Exception(error.Text)
{
    public EtcdError Error { get; } = error;
}
