using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Orchestrator.Api;
using Orchestrator.Api.MetaV1;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Reading;

/// <summary>Watches over HTTP: one JSON document a line.</summary>
/// <param name="stallLimit">How long a client may leave unread what was sent to it.</param>
internal sealed class WatchStreams(
    ObjectLister lister, TimeProvider clock, TimeSpan minRequestTimeout, TimeSpan stallLimit, CancellationToken stopping)
{
    private const int FlushBytes = 32 * 1024;

    // By WatchItemType.
    private static readonly byte[][] Starts =
    [
        "{\"type\":\"ADDED\",\"object\":"u8.ToArray(),
        "{\"type\":\"MODIFIED\",\"object\":"u8.ToArray(),
        "{\"type\":\"DELETED\",\"object\":"u8.ToArray(),
        "{\"type\":\"BOOKMARK\",\"object\":"u8.ToArray(),
        "{\"type\":\"BOOKMARK\",\"object\":"u8.ToArray(),
    ];

    private static readonly byte[] LineEnd = "}\n"u8.ToArray();

    /// <exception cref="ApiException">Before the stream begins: 504.</exception>
    public async Task ServeAsync(ApiRequest request, WatchFilter filter, ListOptions options, AnswerForm form)
    {
        var http = request.Http;
        Watcher started;
        try
        {
            started = await StartAsync(request.View.Stored!, filter, options, request.Aborted).ConfigureAwait(false);
        }
        catch (ApiException refusal) when (refusal.IsExpired)
        {
            // As Kubernetes does: the watch begins, and what it has to tell is that it cannot.
            await BeginAsync(http, form, request.Aborted).ConfigureAwait(false);
            await WriteErrorAsync(http, refusal.Status, request.Aborted).ConfigureAwait(false);
            return;
        }

        using var watcher = started;
        await BeginAsync(http, form, request.Aborted).ConfigureAwait(false);
        using var stopped = stopping.Register(static watcher => ((Watcher)watcher!).End(), watcher);
        using var line = new LineWriter(http, request.View, form, stallLimit, watcher.LetGo);
        try
        {
            await ServeInitialAsync(line, watcher, options).ConfigureAwait(false);
            while (await watcher.WaitToTakeAsync(request.Aborted).ConfigureAwait(false))
            {
                while (watcher.TryTake(out var item))
                    await line.WriteAsync(item).ConfigureAwait(false);
                await line.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (line.IsLetGo)
        {
            http.Abort(); // It does not read what was written: there is nothing more to tell it.
        }
    }

    private static async Task BeginAsync(HttpContext http, AnswerForm form, CancellationToken aborted)
    {
        http.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        http.Response.ContentType = form.Form == ObjectForm.Full ? MediaTypes.Json : $"{MediaTypes.Json};stream=watch";
        // The client is to know at once that the watch is made.
        await http.Response.StartAsync(aborted).ConfigureAwait(false);
        await http.Response.BodyWriter.FlushAsync(aborted).ConfigureAwait(false);
    }

    private static async Task WriteErrorAsync(HttpContext http, Status status, CancellationToken aborted)
    {
        var writer = http.Response.BodyWriter;
        writer.Write("{\"type\":\"ERROR\",\"object\":"u8);
        writer.Write(KubernetesJson.Serialize(status));
        writer.Write(LineEnd);
        await writer.FlushAsync(aborted).ConfigureAwait(false);
    }

    private static async Task ServeInitialAsync(LineWriter line, Watcher watcher, ListOptions options)
    {
        foreach (var value in watcher.Initial)
        {
            if (watcher.Filter.Matches(value))
                await line.WriteAsync(new WatchItem(WatchItemType.Added, value, value.Revision)).ConfigureAwait(false);
        }

        if (options.SendInitialEvents == true && options.AllowsBookmarks)
            await line.WriteAsync(new WatchItem(WatchItemType.InitialEventsEnd, null, watcher.Revision)).ConfigureAwait(false);
        await line.FlushAsync().ConfigureAwait(false);
    }

    private async Task<Watcher> StartAsync(
        StoredResource resource, WatchFilter filter, ListOptions options, CancellationToken cancellationToken)
    {
        var deadline = clock.GetUtcNow() + Duration(options);
        void Prepare(Watcher watcher)
        {
            watcher.Deadline = deadline;
            watcher.WantsBookmarks = options.AllowsBookmarks;
        }

        var cache = resource.Cache;
        bool hasRevision = options.ResourceVersion is not ("" or "0");
        bool beginsWithState = options.SendInitialEvents ?? !hasRevision;
        if (beginsWithState)
        {
            await lister.StateAsync(
                resource, options.ResourceVersion.Length == 0 ? null : options.Revision, cancellationToken).ConfigureAwait(false);
            return cache.WatchFromNow(filter, Prepare);
        }

        if (!hasRevision)
        {
            // sendInitialEvents=false without a revision: what comes from now on.
            var state = await lister.StateAsync(resource, null, cancellationToken).ConfigureAwait(false);
            return cache.WatchAfter(state.Revision, filter, Prepare, out long first) ?? throw TooOld(state.Revision, first);
        }

        await cache.FilledAsync(cancellationToken).ConfigureAwait(false);
        // A revision that another server has given out already: its events are on their way.
        if (!await cache.ReachAsync(options.Revision, ObjectLister.FutureWait, cancellationToken).ConfigureAwait(false))
            throw ObjectLister.TooLarge(options.Revision, cache.State.Revision);
        return cache.WatchAfter(options.Revision, filter, Prepare, out long oldest) ?? throw TooOld(options.Revision, oldest);
    }

    private static ApiException TooOld(long revision, long oldest) =>
        ApiErrors.Expired(string.Create(CultureInfo.InvariantCulture, $"too old resource version: {revision} ({oldest})"));

    private TimeSpan Duration(ListOptions options)
    {
        if (options.TimeoutSeconds is { } seconds and > 0)
            return TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue));
        return minRequestTimeout * (1 + Random.Shared.NextDouble());
    }

    private sealed class LineWriter(HttpContext http, ResourceView view, AnswerForm form, TimeSpan stallLimit, CancellationToken letGo)
        : IDisposable
    {
        private readonly System.IO.Pipelines.PipeWriter _writer = http.Response.BodyWriter;
        private readonly CancellationTokenSource _letGo = CancellationTokenSource.CreateLinkedTokenSource(letGo);
        private bool _hasColumns;

        /// <summary>Whether the client was too slow.</summary>
        public bool IsLetGo => _letGo.IsCancellationRequested;

        public void Dispose() => _letGo.Dispose();

        public async ValueTask WriteAsync(WatchItem item)
        {
            _writer.Write(Starts[(int)item.Type]);
            if (item.Object is { } value)
                WriteObject(value);
            else
                WriteBookmark(item);
            _writer.Write(LineEnd);
            if (_writer.UnflushedBytes >= FlushBytes)
                await FlushAsync().ConfigureAwait(false);
        }

        public async ValueTask FlushAsync()
        {
            if (_writer.UnflushedBytes == 0)
                return;
            var flush = _writer.FlushAsync(_letGo.Token);
            // Most go through at once. One that waits for its client does so with a limit, or a client that reads no more would be
            // kept, with all that waits for it, beyond the watch's own end.
            bool isWaiting = !flush.IsCompleted;
            if (isWaiting)
                _letGo.CancelAfter(stallLimit);
            var result = await flush.ConfigureAwait(false);
            _letGo.Token.ThrowIfCancellationRequested();
            if (isWaiting)
                _letGo.CancelAfter(Timeout.InfiniteTimeSpan);
            if (result.IsCompleted)
                throw new OperationCanceledException("the client has gone", http.RequestAborted);
        }

        private void WriteObject(StoredObject value)
        {
            if (!form.IsTable)
            {
                _writer.Write(value.Encoded(view, form.Form));
                return;
            }

            string revision = value.Revision.ToString(CultureInfo.InvariantCulture);
            _writer.Write(ListAnswer.Table(view, value.Encoded(view, form.Form), revision, form.MetaVersion, !_hasColumns));
            _hasColumns = true;
        }

        private void WriteBookmark(WatchItem item)
        {
            string annotations = item.Type == WatchItemType.InitialEventsEnd
                ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}"
                : "";
            var (kind, apiVersion) = form.Form switch
            {
                ObjectForm.Full => (view.Kind.Kind, view.Kind.ApiVersion),
                ObjectForm.PartialMetadata => ("PartialObjectMetadata", "meta.k8s.io/" + form.MetaVersion),
                _ => ("Table", "meta.k8s.io/" + form.MetaVersion),
            };
            string text = string.Create(
                CultureInfo.InvariantCulture,
                $"{{\"kind\":\"{kind}\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{{\"resourceVersion\":\"{item.Revision}\",\"creationTimestamp\":null{annotations}}}}}");
            if (form.IsTable)
            {
                text = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{{\"kind\":\"Table\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{{\"resourceVersion\":\"{item.Revision}\"}},\"columnDefinitions\":null,\"rows\":[{{\"cells\":[],\"object\":{{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{{\"resourceVersion\":\"{item.Revision}\",\"creationTimestamp\":null{annotations}}}}}}}]}}");
            }

            _writer.Write(Encoding.UTF8.GetBytes(text));
        }
    }
}
