using System.Runtime.CompilerServices;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Leader election, kept by the server under leases of the candidates.</summary>
public sealed class ElectionClient
{
    private readonly CallRunner _calls;
    private readonly StreamOpener _streams;
    private readonly ClientOptions _options;

    internal ElectionClient(CallRunner calls, StreamOpener streams, ClientOptions options) =>
        (_calls, _streams, _options) = (calls, streams, options);

    /// <summary>Waits to be elected, as long as it takes unless the options say otherwise. A write.</summary>
    /// <returns>The leadership: to be shown in <see cref="ProclaimAsync"/> and <see cref="ResignAsync"/>.</returns>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.LeaseNotFound"/>, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered: campaigning again under the same lease is
    /// safe.</exception>
    public async Task<LeaderKey> CampaignAsync(
        Bytes name, LeaseId lease, Bytes value, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = new CampaignRequest { Name = name.Value, Lease = lease.Value, Value = value.Value };
        var response = await _calls.WriteAsync(Api.Campaign, request, RequestOptions.WithoutTimeout(options), cancellationToken)
            .ConfigureAwait(false);
        return response.Leader;
    }

    /// <summary>Changes the value that the leader shows. A write; repeating it is safe.</summary>
    /// <exception cref="EtcdException">Refused: no longer the leader. Or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<ProclaimResponse> ProclaimAsync(
        LeaderKey leader, Bytes value, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Proclaim, new ProclaimRequest { Leader = leader, Value = value.Value }, options, cancellationToken);

    /// <summary>Gives the leadership up. A write; repeating it is safe.</summary>
    /// <exception cref="EtcdException">Refused, or never sent.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<ResignResponse> ResignAsync(
        LeaderKey leader, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Resign, new ResignRequest { Leader = leader }, options, cancellationToken);

    /// <summary>Who leads now. A read.</summary>
    /// <exception cref="EtcdException"><see cref="EtcdErrors.ElectionNoLeader"/>, or no endpoint answered in time.</exception>
    public Task<LeaderResponse> LeaderAsync(
        Bytes name, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.Leader, new LeaderRequest { Name = name.Value }, options, cancellationToken);

    /// <summary>Who leads, now and whenever that or the leader's value changes, until cancelled. Goes on elsewhere when the
    /// stream breaks; of several changes meanwhile only the last is seen.</summary>
    /// <exception cref="EtcdException">Refused.</exception>
    public async IAsyncEnumerable<LeaderResponse> ObserveAsync(
        Bytes name, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        long seen = 0;
        for (int failures = 0; ; failures++)
        {
            if (failures > 0)
                await BackOff.PauseAsync(failures, _options, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            await using var leaders = _streams
                .ReadOnceAsync(Api.Observe, new LeaderRequest { Name = name.Value }, null, cancellationToken)
                .GetAsyncEnumerator(cancellationToken);
            while (await MoveNextAsync(leaders).ConfigureAwait(false))
            {
                failures = 0;
                if (leaders.Current.Kv.ModRevision <= seen)
                    continue;
                seen = leaders.Current.Kv.ModRevision;
                yield return leaders.Current;
            }
        }
    }

    /// <returns>False when the stream is to be opened again.</returns>
    private static async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<LeaderResponse> leaders)
    {
        try
        {
            return await leaders.MoveNextAsync().ConfigureAwait(false);
        }
        catch (EtcdException exception) when (Failure.IsPassing(exception) || exception.Code == StatusCode.Unauthenticated)
        {
            return false;
        }
    }
}
