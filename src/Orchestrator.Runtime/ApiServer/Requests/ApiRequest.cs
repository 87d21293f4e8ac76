using Microsoft.AspNetCore.Http;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>A request on a resource: who, what, and the resource as this version has it.</summary>
internal sealed record ApiRequest(
    HttpContext Http, RequestPath Path, string Verb, UserInfo User, ResourceView View)
{
    private const string DefaultUserAgent = "unknown";

    public CancellationToken Aborted => Http.RequestAborted;

    public string Namespace => View.Description.IsNamespaced ? Path.Namespace : "";

    public string Name => Path.Name;

    public string Key => View.Stored!.KeyOf(Namespace, Name);

    /// <summary>Sent to the client as Warning headers.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Who owns the fields that are written: the option, or the beginning of the User-Agent.</summary>
    public string ManagerOf(WriteOptions options)
    {
        if (options.FieldManager.Length > 0)
            return options.FieldManager;
        string agent = Http.Request.Headers.UserAgent.ToString();
        int slash = agent.IndexOf('/', StringComparison.Ordinal);
        string name = slash < 0 ? agent : agent[..slash];
        return name.Length == 0 ? DefaultUserAgent : name;
    }
}
