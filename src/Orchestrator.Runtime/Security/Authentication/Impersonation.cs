using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Tokens;

namespace Orchestrator.Runtime.Security.Authentication;

/// <summary>Acting for somebody else by the Impersonate headers: the requestor needs the verb "impersonate" on each part of that identity.</summary>
internal sealed class Impersonation(IAuthorizer authorizer)
{
    private const string UserHeader = "Impersonate-User";
    private const string GroupHeader = "Impersonate-Group";
    private const string UidHeader = "Impersonate-Uid";
    private const string ExtraPrefix = "Impersonate-Extra-";
    private const string AuthenticationGroup = "authentication.k8s.io";
    private const string Verb = "impersonate";

    /// <returns>Whom the request is made for: <paramref name="requestor"/> unless the headers say otherwise.</returns>
    /// <exception cref="ApiException">403, or 500 for groups, uid or extra without a user.</exception>
    public async ValueTask<UserInfo> ApplyAsync(HttpContext context, UserInfo requestor, CancellationToken cancellationToken)
    {
        var headers = context.Request.Headers;
        string user = headers[UserHeader].ToString();
        List<string> groups = [.. headers[GroupHeader].Where(group => !string.IsNullOrEmpty(group)).Select(group => group!)];
        string uid = headers[UidHeader].ToString();
        var extra = ExtraOf(headers);
        if (user.Length == 0)
        {
            if (groups.Count + uid.Length + extra.Count > 0)
                throw ApiErrors.InternalError($"requested {What(groups, uid, extra)} without impersonating a user");
            return requestor;
        }
        await AuthorizeUserAsync(requestor, user, cancellationToken);
        foreach (string group in groups)
            await AuthorizeAsync(RequestAttributes.ForResource(requestor, Verb, "", "v1", "groups", "", group), cancellationToken);
        foreach (var (key, values) in extra)
        {
            foreach (string value in values)
                await AuthorizeAsync(RequestAttributes.ForResource(requestor, Verb, AuthenticationGroup, "v1", "userextras", "", value, key), cancellationToken);
        }
        if (uid.Length > 0)
            await AuthorizeAsync(RequestAttributes.ForResource(requestor, Verb, AuthenticationGroup, "v1", "uids", "", uid), cancellationToken);
        return new(user, uid, GroupsOf(user, groups), extra);
    }

    private async ValueTask AuthorizeUserAsync(UserInfo requestor, string user, CancellationToken cancellationToken)
    {
        var attributes = ServiceAccountNames.TrySplit(user, out string? namespaceName, out string? name)
            ? RequestAttributes.ForResource(requestor, Verb, "", "v1", "serviceaccounts", namespaceName, name)
            : RequestAttributes.ForResource(requestor, Verb, "", "v1", "users", "", user);
        await AuthorizeAsync(attributes, cancellationToken);
    }

    private async ValueTask AuthorizeAsync(RequestAttributes attributes, CancellationToken cancellationToken)
    {
        var decision = await authorizer.AuthorizeAsync(attributes, cancellationToken);
        if (!decision.IsAllowed)
            throw attributes.Forbidden(decision.Reason);
    }

    /// <summary>A service account is in its groups unless others are named; whoever is not anonymous is authenticated.</summary>
    private static List<string> GroupsOf(string user, List<string> named)
    {
        var groups = new List<string>(named);
        if (groups.Count == 0 && ServiceAccountNames.TrySplit(user, out string? namespaceName, out _))
            groups.AddRange(ServiceAccountNames.Groups(namespaceName));
        if (!groups.Contains(UserInfo.AllAuthenticated) && !groups.Contains(UserInfo.AllUnauthenticated))
            groups.Add(user == UserInfo.Anonymous.Name ? UserInfo.AllUnauthenticated : UserInfo.AllAuthenticated);
        return groups;
    }

    /// <summary>Header names are not case-sensitive: keys come in lower case, with what a header cannot hold percent-encoded.</summary>
    private static SortedDictionary<string, IReadOnlyList<string>> ExtraOf(IHeaderDictionary headers)
    {
        var extra = new SortedDictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (header, values) in headers)
        {
            if (header.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
                extra[Uri.UnescapeDataString(header[ExtraPrefix.Length..].ToLowerInvariant())] = [.. values.Select(value => value ?? "")];
        }
        return extra;
    }

    private static string What(List<string> groups, string uid, SortedDictionary<string, IReadOnlyList<string>> extra)
    {
        IEnumerable<string> parts =
        [
            .. groups.Select(group => $"Group {group}"),
            .. extra.SelectMany(pair => pair.Value.Select(value => $"UserExtra {pair.Key}={value}")),
            .. uid.Length > 0 ? [$"UID {uid}"] : Array.Empty<string>(),
        ];
        return $"[{string.Join(' ', parts)}]";
    }
}
