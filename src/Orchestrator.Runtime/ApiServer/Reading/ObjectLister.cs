using KvStore.Client;
using KvStore.Protocol;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Storage;

namespace Orchestrator.Runtime.ApiServer.Reading;

/// <summary>Lists: from the cache where it has the state that is asked for, else from the store.</summary>
/// <remarks>
/// No resourceVersion: the newest state, which is what the store has when the request comes. "0": whatever the cache has. N: not
/// older than N, or with match Exact precisely N. A continue token goes on with the state of its first page.
/// </remarks>
internal sealed class ObjectLister(ObjectStore store, RevisionReader revisions)
{
    /// <summary>As Kubernetes: so long a request waits for a resourceVersion that the server has not seen yet.</summary>
    public static readonly TimeSpan FutureWait = TimeSpan.FromSeconds(3);

    /// <summary>A consistent read waits longer: the store has what the cache lacks.</summary>
    private static readonly TimeSpan ConsistencyWait = TimeSpan.FromSeconds(10);

    private const int StorePageSize = 500;
    private const string TooOldText =
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

    /// <exception cref="ApiException">400, 410, 504.</exception>
    public async Task<ListResult> ListAsync(
        StoredResource resource, WatchFilter filter, ListOptions options, CancellationToken cancellationToken)
    {
        if (options.Continue.Length > 0)
            return await ContinueAsync(resource, filter, options, cancellationToken).ConfigureAwait(false);
        if (options.ResourceVersionMatch == "Exact")
            return await ListAtAsync(resource, filter, options, options.Revision, "", cancellationToken).ConfigureAwait(false);
        var state = await StateAsync(
            resource, options.ResourceVersion.Length == 0 ? null : options.Revision, cancellationToken).ConfigureAwait(false);
        return Page(state, filter, options.Limit, "");
    }

    /// <summary>The cache's state, new enough.</summary>
    /// <param name="revision">Null for the newest; 0 for any.</param>
    /// <exception cref="ApiException">504: the revision is not reached in time.</exception>
    public async Task<CacheState> StateAsync(StoredResource resource, long? revision, CancellationToken cancellationToken)
    {
        var cache = resource.Cache;
        await cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        if (revision is null)
        {
            long newest = await revisions.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (!await cache.ReachAsync(newest, ConsistencyWait, cancellationToken).ConfigureAwait(false))
                throw ApiErrors.Timeout("the server's cache lags behind the store", 1);
        }
        else if (revision > 0 && !await cache.ReachAsync(revision.Value, FutureWait, cancellationToken).ConfigureAwait(false))
        {
            throw TooLarge(revision.Value, cache.State.Revision);
        }

        return cache.State;
    }

    /// <summary>Clients know it by its cause.</summary>
    public static ApiException TooLarge(long revision, long current)
    {
        var error = ApiErrors.Timeout($"Too large resource version: {revision}, current: {current}", 1);
        error.Status.Details!.Causes =
            [new Api.MetaV1.StatusCause { Reason = "ResourceVersionTooLarge", Message = "Too large resource version" }];
        return error;
    }

    private async Task<ListResult> ContinueAsync(
        StoredResource resource, WatchFilter filter, ListOptions options, CancellationToken cancellationToken)
    {
        if (options.ResourceVersion.Length > 0 && options.ResourceVersion != "0")
            throw ApiErrors.BadRequest("specifying resource version is not allowed when using continue");
        var token = ContinueToken.Parse(options.Continue);
        string start = filter.KeyPrefix + token.Start;
        if (token.Revision < 0)
        {
            var state = await StateAsync(resource, null, cancellationToken).ConfigureAwait(false);
            return Page(state, filter, options.Limit, start);
        }

        return await ListAtAsync(resource, filter, options, token.Revision, start, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ListResult> ListAtAsync(
        StoredResource resource, WatchFilter filter, ListOptions options, long revision, string start,
        CancellationToken cancellationToken)
    {
        await resource.Cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (resource.Cache.TryStateAt(revision) is { } state)
            {
                // The cache may still have what the store has given up: clients are told the same whoever answers.
                await store.EnsureKeptAsync(revision, cancellationToken).ConfigureAwait(false);
                return Page(state, filter, options.Limit, start);
            }

            return await ReadStoreAsync(resource, filter, options.Limit, revision, start, cancellationToken).ConfigureAwait(false);
        }
        catch (EtcdException exception) when (exception.Is(EtcdErrors.Compacted))
        {
            throw options.Continue.Length > 0
                ? TooOld(start[filter.KeyPrefix.Length..])
                : ApiErrors.Expired("The resourceVersion for the provided list is too old.");
        }
        catch (EtcdException exception) when (exception.Is(EtcdErrors.FutureRevision))
        {
            throw TooLarge(revision, resource.Cache.State.Revision);
        }
    }

    /// <summary>410 with a token that goes on with the newest state.</summary>
    private static ApiException TooOld(string start)
    {
        var error = ApiErrors.Expired(TooOldText);
        error.Status.Metadata.Continue = new ContinueToken(-1, start).Encode();
        return error;
    }

    private static ListResult Page(CacheState state, WatchFilter filter, long limit, string start)
    {
        var (snapshot, revision) = state;
        var items = new List<StoredObject>();
        string? next = null;
        foreach (var value in snapshot.Range(filter.KeyPrefix, start))
        {
            if (!filter.Matches(value))
                continue;
            if (limit > 0 && items.Count == limit)
            {
                next = value.Key;
                break;
            }

            items.Add(value);
        }

        var result = next is null
            ? new ListResult(items, revision)
            : new ListResult(
                items, revision, new ContinueToken(revision, next[filter.KeyPrefix.Length..]).Encode(),
                filter.IsSelective || filter.Name.Length > 0 ? null : snapshot.CountOf(filter.KeyPrefix, next));
        return state.Unreadable.IsEmpty ? result : result with
        {
            Unreadable = [.. state.Unreadable.Where(key => key.StartsWith(filter.KeyPrefix, StringComparison.Ordinal))],
        };
    }

    private async Task<ListResult> ReadStoreAsync(
        StoredResource resource, WatchFilter filter, long limit, long revision, string start, CancellationToken cancellationToken)
    {
        var items = new List<StoredObject>();
        var unreadable = new List<string>();
        bool isSelective = filter.IsSelective || filter.Name.Length > 0;
        while (true)
        {
            // One more than wanted tells where the next page begins.
            long wanted = limit > 0 && !isSelective ? limit - items.Count + 1 : StorePageSize;
            var page = await store.RangeAsync(
                resource, filter.KeyPrefix, start, revision, wanted, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < page.Kvs.Count; index++)
            {
                if (TryRead(resource, page.Kvs[index], unreadable) is not { } value || !filter.Matches(value))
                    continue;
                if (limit > 0 && items.Count == limit)
                {
                    return new ListResult(
                        items, revision, new ContinueToken(revision, value.Key[filter.KeyPrefix.Length..]).Encode(),
                        isSelective ? null : page.Count - index) { Unreadable = unreadable };
                }

                items.Add(value);
            }

            if (!page.More || page.Kvs.Count == 0)
                return new ListResult(items, revision) { Unreadable = unreadable };
            start = resource.KeyOf(page.Kvs[^1].Key.Span) + '\0';
        }
    }

    private static StoredObject? TryRead(StoredResource resource, KeyValue kv, List<string> unreadable)
    {
        try
        {
            return resource.Read(kv);
        }
        catch (UnreadableValueException)
        {
            unreadable.Add(resource.KeyOf(kv.Key.Span));
            return null;
        }
    }
}
