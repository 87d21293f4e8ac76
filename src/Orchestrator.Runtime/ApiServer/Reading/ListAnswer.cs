using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Http;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Reading;

/// <summary>Lists, and single objects as tables, as bytes: what is encoded already is put one behind the other.</summary>
internal static class ListAnswer
{
    private static readonly ReadOnlyMemory<byte> Comma = new([(byte)',']);
    private static readonly ReadOnlyMemory<byte> Brace = new([(byte)'{']);
    private static readonly ReadOnlyMemory<byte> End = "]}\n"u8.ToArray();

    public static Task WriteAsync(HttpContext http, ResourceView view, ListResult list, AnswerForm form, DateTimeOffset now)
    {
        byte[] head = Head(view, list, form);
        if (Answers.IsForPeople(http.Request))
            return Answers.WriteJsonAsync(http, StatusCodes.Status200OK, Joined(Chunks(head, view, list.Items, form, now)));
        long total = head.Length + list.Items.Sum(item => item.Json.Length);
        return Answers.WriteChunksAsync(http, Chunks(head, view, list.Items, form, now), total);
    }

    /// <summary>One object as a table with one row.</summary>
    public static byte[] Table(ResourceView view, byte[] row, string revision, string metaVersion, bool withColumns)
    {
        byte[] head = TableHead(view, $"{{\"resourceVersion\":\"{revision}\"}}", metaVersion, withColumns);
        return [.. head, .. row, .. "]}"u8];
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Chunks(
        byte[] head, ResourceView view, IReadOnlyList<StoredObject> items, AnswerForm form, DateTimeOffset now)
    {
        yield return head;
        var types = form.Form == ObjectForm.Full ? TypesOf(view.Kind) : [];
        for (int index = 0; index < items.Count; index++)
        {
            if (index > 0)
                yield return Comma;
            // Rows of lists are made anew: they tell ages.
            ReadOnlyMemory<byte> item = form.IsTable ? view.Row(items[index], form.Form, now) : view.Encode(items[index], form.Form);
            if (types.FirstOrDefault(type => item.Span.StartsWith(type)) is { } own)
            {
                yield return Brace;
                item = item[own.Length..];
            }

            yield return item;
        }

        yield return End;
    }

    /// <summary>How an object's text begins with what it is, in either order. Items of a list do not say it again: the list has said
    /// it.</summary>
    private static byte[][] TypesOf(GroupVersionKind kind) =>
    [
        Encoding.UTF8.GetBytes($"{{\"kind\":\"{kind.Kind}\",\"apiVersion\":\"{kind.ApiVersion}\","),
        Encoding.UTF8.GetBytes($"{{\"apiVersion\":\"{kind.ApiVersion}\",\"kind\":\"{kind.Kind}\","),
    ];

    private static byte[] Joined(IEnumerable<ReadOnlyMemory<byte>> chunks)
    {
        var whole = new ArrayBufferWriter<byte>();
        foreach (var chunk in chunks)
            whole.Write(chunk.Span);
        return whole.WrittenSpan.ToArray();
    }

    private static byte[] Head(ResourceView view, ListResult list, AnswerForm form)
    {
        string metadata = Metadata(list);
        if (form.IsTable)
            return TableHead(view, metadata, form.MetaVersion, withColumns: true);
        var (kind, apiVersion) = form.Form == ObjectForm.PartialMetadata
            ? ("PartialObjectMetadataList", "meta.k8s.io/" + form.MetaVersion)
            : (view.Kind.Kind + "List", view.Kind.ApiVersion);
        return Encoding.UTF8.GetBytes(
            $"{{\"kind\":\"{kind}\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{metadata},\"items\":[");
    }

    private static byte[] TableHead(ResourceView view, string metadata, string metaVersion, bool withColumns) =>
        [.. Encoding.UTF8.GetBytes(
                $"{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/{metaVersion}\",\"metadata\":{metadata},\"columnDefinitions\":"),
            .. withColumns ? view.Columns : "null"u8, .. ",\"rows\":["u8];

    private static string Metadata(ListResult list)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{{\"resourceVersion\":\"{list.Revision}\"");
        if (list.Continue.Length > 0)
            text.Append(CultureInfo.InvariantCulture, $",\"continue\":\"{list.Continue}\"");
        if (list.RemainingItemCount is { } remaining)
            text.Append(CultureInfo.InvariantCulture, $",\"remainingItemCount\":{remaining}");
        return text.Append('}').ToString();
    }
}
