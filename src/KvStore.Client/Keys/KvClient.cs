using KvStore.Protocol;

namespace KvStore.Client;

/// <summary>Reads and writes of keys. Requests and answers are etcd's messages; the shorter forms build them.</summary>
public sealed class KvClient
{
    /// <summary>Keys on a page where the caller does not say.</summary>
    public const int DefaultPageSize = 500;

    private readonly CallRunner _calls;

    internal KvClient(CallRunner calls) => _calls = calls;

    /// <summary>The keys of a range at one revision. A read: made again elsewhere while there is time.</summary>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.Compacted"/>, or no endpoint answered in
    /// time.</exception>
    public Task<RangeResponse> RangeAsync(
        RangeRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.ReadAsync(Api.Range, request, options, cancellationToken);

    /// <inheritdoc cref="RangeAsync(RangeRequest, RequestOptions?, CancellationToken)"/>
    /// <param name="revision">0 reads the newest.</param>
    /// <param name="limit">The most keys; 0 for all. The answer's More tells if there are others.</param>
    public Task<RangeResponse> RangeAsync(
        KeyRange range, long revision = 0, long limit = 0, RequestOptions? options = null,
        CancellationToken cancellationToken = default) =>
        RangeAsync(
            new RangeRequest { Key = range.Key, RangeEnd = range.End, Revision = revision, Limit = limit }, options,
            cancellationToken);

    /// <summary>One key as it is now; null if it is not there. A read, as <see cref="RangeAsync(RangeRequest, RequestOptions?,
    /// CancellationToken)"/>.</summary>
    public async Task<KeyValue?> GetAsync(
        Bytes key, RequestOptions? options = null, CancellationToken cancellationToken = default)
    {
        var response = await RangeAsync(key, options: options, cancellationToken: cancellationToken).ConfigureAwait(false);
        return response.Kvs.Count == 0 ? null : response.Kvs[0];
    }

    /// <summary>The keys of a range in key order, page by page, all at the revision of the first page (its header's): as one big
    /// answer, without ever holding it. Each page is a read of its own.</summary>
    /// <param name="request">Limit, if set, is the most keys of all pages together. Sorting must be by key, ascending.</param>
    /// <param name="pageSize">Keys on a page.</param>
    /// <exception cref="ArgumentException">The request wants another order.</exception>
    /// <exception cref="EtcdException"><see cref="EtcdErrors.Compacted"/> when compaction passes the revision between pages:
    /// begin anew. Else as for one read.</exception>
    public async IAsyncEnumerable<RangeResponse> RangeStreamAsync(
        RangeRequest request, int pageSize = DefaultPageSize, RequestOptions? options = null,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pageSize);
        if (request.SortOrder == RangeRequest.Types.SortOrder.Descend || request.SortTarget != RangeRequest.Types.SortTarget.Key)
            throw new ArgumentException("a range that is read in pages comes in ascending order of its keys", nameof(request));
        var page = request.Clone();
        long left = request.Limit > 0 ? request.Limit : long.MaxValue;
        while (true)
        {
            page.Limit = Math.Min(left, pageSize);
            var response = await ReadPageAsync(page, options, cancellationToken).ConfigureAwait(false);
            yield return response;
            left -= response.Kvs.Count;
            if (!response.More || response.Kvs.Count == 0 || left == 0)
                yield break;
            page.Key = After(response.Kvs[^1].Key);
            if (page.Revision == 0)
                page.Revision = response.Header.Revision;
        }
    }

    /// <inheritdoc cref="RangeStreamAsync(RangeRequest, int, RequestOptions?, CancellationToken)"/>
    public IAsyncEnumerable<RangeResponse> RangeStreamAsync(
        KeyRange range, int pageSize = DefaultPageSize, RequestOptions? options = null,
        CancellationToken cancellationToken = default) =>
        RangeStreamAsync(new RangeRequest { Key = range.Key, RangeEnd = range.End }, pageSize, options, cancellationToken);

    /// <summary>Creates a key or changes it. A write: never made twice.</summary>
    /// <exception cref="EtcdException">Refused, such as <see cref="EtcdErrors.LeaseNotFound"/> or
    /// <see cref="EtcdErrors.NoSpace"/>, or never sent: nothing has changed.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<PutResponse> PutAsync(
        PutRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.Put, request, options, cancellationToken);

    /// <inheritdoc cref="PutAsync(PutRequest, RequestOptions?, CancellationToken)"/>
    public Task<PutResponse> PutAsync(
        Bytes key, Bytes value, LeaseId lease = default, RequestOptions? options = null,
        CancellationToken cancellationToken = default) =>
        PutAsync(new PutRequest { Key = key.Value, Value = value.Value, Lease = lease.Value }, options, cancellationToken);

    /// <summary>Deletes the keys of a range, in one revision. A write, with the ends of
    /// <see cref="PutAsync(PutRequest, RequestOptions?, CancellationToken)"/>.</summary>
    public Task<DeleteRangeResponse> DeleteAsync(
        DeleteRangeRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(Api.DeleteRange, request, options, cancellationToken);

    /// <inheritdoc cref="DeleteAsync(DeleteRangeRequest, RequestOptions?, CancellationToken)"/>
    public Task<DeleteRangeResponse> DeleteAsync(
        KeyRange range, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        DeleteAsync(new DeleteRangeRequest { Key = range.Key, RangeEnd = range.End }, options, cancellationToken);

    /// <summary>Runs a transaction; build it with <see cref="Txn"/>. A write with the ends of
    /// <see cref="PutAsync(PutRequest, RequestOptions?, CancellationToken)"/>, unless all it does in both branches is to read:
    /// then a read.</summary>
    public Task<TxnResponse> TxnAsync(
        TxnRequest request, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        IsReadOnly(request)
            ? _calls.ReadAsync(Api.Txn, request, options, cancellationToken)
            : _calls.WriteAsync(Api.Txn, request, options, cancellationToken);

    /// <summary>Forgets the history below a revision: its own state stays readable. A write: after an unknown outcome a second
    /// one may be refused as <see cref="EtcdErrors.Compacted"/>, which then is good news.</summary>
    /// <param name="isPhysical">Answers only when the space is really given up.</param>
    /// <exception cref="EtcdException"><see cref="EtcdErrors.Compacted"/>, <see cref="EtcdErrors.FutureRevision"/>.</exception>
    /// <exception cref="UnknownOutcomeException">Sent, and not answered.</exception>
    public Task<CompactionResponse> CompactAsync(
        long revision, bool isPhysical = false, RequestOptions? options = null, CancellationToken cancellationToken = default) =>
        _calls.WriteAsync(
            Api.Compact, new CompactionRequest { Revision = revision, Physical = isPhysical }, options, cancellationToken);

    private async Task<RangeResponse> ReadPageAsync(
        RangeRequest page, RequestOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            return await RangeAsync(page, options, cancellationToken).ConfigureAwait(false);
        }
        catch (EtcdException exception) when (page.Serializable && page.Revision > 0 && exception.Is(EtcdErrors.FutureRevision))
        {
            // Another member serves by now and lags behind the first page: this page waits for it to catch up.
            var linearizable = page.Clone();
            linearizable.Serializable = false;
            return await RangeAsync(linearizable, options, cancellationToken).ConfigureAwait(false);
        }
    }

    private static Google.Protobuf.ByteString After(Google.Protobuf.ByteString key)
    {
        var next = new byte[key.Length + 1];
        key.CopyTo(next, 0);
        return Google.Protobuf.UnsafeByteOperations.UnsafeWrap(next);
    }

    private static bool IsReadOnly(TxnRequest request) =>
        request.Success.All(IsReadOnly) && request.Failure.All(IsReadOnly);

    private static bool IsReadOnly(RequestOp operation) => operation.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestRange => true,
        RequestOp.RequestOneofCase.RequestTxn => IsReadOnly(operation.RequestTxn),
        _ => false,
    };
}
