using System.Security.Cryptography;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Care of members. Most calls concern one of them: name it by <see cref="RequestOptions.Endpoint"/>, else the endpoint
/// that serves is meant.</summary>
public sealed class MaintenanceClient
{
    private readonly CallRunner _calls;
    private readonly StreamOpener _streams;

    internal MaintenanceClient(CallRunner calls, StreamOpener streams) => (_calls, _streams) = (calls, streams);

    /// <summary>Version, sizes in bytes, leader, Raft's place of one member. A read.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<StatusResponse> StatusAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.Status, new StatusRequest(), options, cancellationToken);

    /// <summary>The alarms that stand, of all members. A read.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<AlarmResponse> AlarmsAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(
            Api.Alarm, new AlarmRequest { Action = AlarmRequest.Types.AlarmAction.Get }, options, cancellationToken);

    /// <summary>Raises or ends an alarm. A write.</summary>
    /// <exception cref="EtcdException">Refused, or never sent: nothing has changed.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered: <see cref="AlarmsAsync"/> tells.</exception>
    public Task<AlarmResponse> AlarmAsync(
        AlarmRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Alarm, request, options, cancellationToken);

    /// <summary>Gives free space of one member back; etcd's serves nobody meanwhile, so give it time. Counts as a
    /// write.</summary>
    /// <exception cref="EtcdException">Refused, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<DefragmentResponse> DefragmentAsync(
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Defragment, new DefragmentRequest(), options, cancellationToken);

    /// <summary>A hash of one member's whole file: for tests. A read.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<HashResponse> HashAsync(RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.Hash, new HashRequest(), options, cancellationToken);

    /// <summary>A hash of the keys up to a revision (0: all), equal on all members of one cluster. A read.</summary>
    /// <exception cref="EtcdException">Refused, or no endpoint answered in time.</exception>
    public Task<HashKVResponse> HashKvAsync(
        long revision = 0, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.HashKV, new HashKVRequest { Revision = revision }, options, cancellationToken);

    /// <summary>Gives the leadership to another member; only the leader takes the call. A write.</summary>
    /// <exception cref="EtcdException"><see cref="EtcdErrors.NotLeader"/>, or another refusal.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered: <see cref="StatusAsync"/> tells.</exception>
    public Task<MoveLeaderResponse> MoveLeaderAsync(
        ulong targetMemberId, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.MoveLeader, new MoveLeaderRequest { TargetID = targetMemberId }, options, cancellationToken);

    /// <summary>Checks, begins or calls off a downgrade of the cluster. A write.</summary>
    /// <exception cref="EtcdException">Refused, or never sent: nothing has changed.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<DowngradeResponse> DowngradeAsync(
        DowngradeRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Downgrade, request, options, cancellationToken);

    /// <summary>One member's database file in pieces, the last of which is the SHA-256 of those before it. Not tried again when
    /// it breaks: the pieces of two snapshots do not fit together. Has no time limit but the token.</summary>
    /// <exception cref="EtcdException">Refused, or broken off.</exception>
    public IAsyncEnumerable<SnapshotResponse> SnapshotAsync(
        RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _streams.ReadOnceAsync(Api.Snapshot, new SnapshotRequest(), options, cancellationToken);

    /// <summary>Writes <see cref="SnapshotAsync"/>'s pieces, digest included, as <c>etcdctl snapshot save</c> does, and checks
    /// the digest.</summary>
    /// <exception cref="EtcdException">Refused, or broken off: what was written is of no use.</exception>
    /// <exception cref="InvalidDataException">What came does not match its digest.</exception>
    public async Task SaveSnapshotAsync(
        Stream destination, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        ReadOnlyMemory<byte> last = default;
        await foreach (var piece in SnapshotAsync(options, cancellationToken).ConfigureAwait(false))
        {
            sha.AppendData(last.Span);
            last = piece.Blob.Memory;
            await destination.WriteAsync(last, cancellationToken).ConfigureAwait(false);
        }

        if (!sha.GetHashAndReset().AsSpan().SequenceEqual(last.Span))
            throw new InvalidDataException("the snapshot does not match the digest at its end: take it again");
    }
}
