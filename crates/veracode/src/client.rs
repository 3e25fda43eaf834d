//! The client, with a method for each endpoint.

use drillmaster_models::Endpoint;
use drillmaster_models::veracode::{
    CampaignsProgress, DeleteUser, EngagementTime, FoundLesson, Invite, Invited, Learner, Lesson,
    LessonProgress, ListLessons, ListProgress, ListRoles, ListUsers, ListUsersDetails, Member,
    Onboarding, RoleMember, RoleProgress, Roles, SearchLessons, ShowCampaignsProgress,
    ShowEngagementTime, ShowLessonProgress, ShowOnboarding, ShowRoleProgress, ShowUserProgress,
    UpdateUser, UpdatedUser, User, UserDetails, UserMilestone, UserProgress,
};
use drillmaster_transport::{Connection, Transport};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The items of a list, across all pages. A page is requested when its items are needed, with the same filters as the
/// first. Each item comes once, even if the service shows it twice. An error ends the stream.
pub type Items<T> = BoxStream<'static, Result<T, Error>>;

/// Calls Security Labs. Cloning is cheap, and clones may be used at the same time.
///
/// Lists are streams of their items. Where an answer has more than a list, such as the counts of the onboarding, one
/// method returns a page with the counts and another streams the users.
///
/// ```
/// use drillmaster_sandbox::Sandbox;
/// use drillmaster_veracode::Client;
/// use futures::TryStreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), drillmaster_veracode::Error> {
/// let client = Client::new(Sandbox::default());
/// let mut lessons = client.lessons();
/// while let Some(lesson) = lessons.try_next().await? {
///     println!("{lesson:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Creates a client that calls over `transport`.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Connection::new(transport).into()
    }

    /// The connection that the client calls over, which can also call endpoints by name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends a request and returns the whole answer, including fields that are not declared. For a list, that is one
    /// page.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, ListUsers};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// let second = client.send(&ListUsers { page: Some(1), limit: Some(10) }).await?;
    /// assert_eq!(second.users.len(), 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Response, Error> {
        Ok(self.connection.send(request).await?)
    }

    fn items<E: Endpoint, T>(&self, request: &E) -> Items<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.connection.items(request).map_err(Error::from).boxed()
    }

    /// Lists all users of the team.
    pub fn users(&self) -> Items<User> {
        self.items(&ListUsers::default())
    }

    /// Lists users with what they have completed and scored.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, ListUsersDetails, SortType};
    /// # use futures::TryStreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// let mut by_name = client.users_details(&ListUsersDetails {
    ///     sort: Some("name".to_owned()),
    ///     sort_type: Some(SortType::Desc),
    ///     ..ListUsersDetails::default()
    /// });
    /// let last = by_name.try_next().await?.expect("a team has users");
    /// assert!(last.name.is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn users_details(&self, request: &ListUsersDetails) -> Items<UserDetails> {
        self.items(request)
    }

    /// Shows what one user has done, lesson by lesson.
    pub async fn user_progress(&self, id: impl Into<String>) -> Result<UserProgress, Error> {
        self.send(&ShowUserProgress::new(id)).await
    }

    /// Changes a user. Fields that are not given stay as they are.
    ///
    /// ```
    /// # use drillmaster_sandbox::Sandbox;
    /// # use drillmaster_veracode::{Client, UpdateUser};
    /// # use futures::TryStreamExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), drillmaster_veracode::Error> {
    /// # let client = Client::new(Sandbox::default());
    /// # let id = client.users().try_next().await?.expect("a team has users").id;
    /// let name = Some("Grace Hopper".to_owned());
    /// let updated = client.update_user(&UpdateUser { name, ..UpdateUser::new(id) }).await?;
    /// assert_eq!(updated.name.as_deref(), Some("Grace Hopper"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_user(&self, request: &UpdateUser) -> Result<UpdatedUser, Error> {
        self.send(request).await
    }

    /// Deletes a user with all their progress, permanently. If there is no such user, the error
    /// [says so](Error::is_already).
    pub async fn delete_user(&self, id: impl Into<String>) -> Result<(), Error> {
        self.send(&DeleteUser::new(id)).await.map(drop)
    }

    /// Shows the milestones of the team's onboarding, with one page of users.
    pub async fn onboarding(&self, request: &ShowOnboarding) -> Result<Onboarding, Error> {
        self.send(request).await
    }

    /// Lists the users of [`onboarding`](Self::onboarding), each with the milestone reached.
    pub fn onboarding_users(&self, request: &ShowOnboarding) -> Items<UserMilestone> {
        self.items(request)
    }

    /// Shows the team's milestones in its campaigns or assignments, with one page of users.
    pub async fn campaigns_progress(
        &self,
        request: &ShowCampaignsProgress,
    ) -> Result<CampaignsProgress, Error> {
        self.send(request).await
    }

    /// Lists the users of [`campaigns_progress`](Self::campaigns_progress), each with the milestone reached.
    pub fn campaigns_users(&self, request: &ShowCampaignsProgress) -> Items<UserMilestone> {
        self.items(request)
    }

    /// Shows the median time that users spend on labs.
    pub async fn engagement_time(
        &self,
        request: &ShowEngagementTime,
    ) -> Result<EngagementTime, Error> {
        self.send(request).await
    }

    /// Lists everyone in the team with their progress, lesson by lesson.
    pub fn progress(&self) -> Items<Member> {
        self.items(&ListProgress::default())
    }

    /// Lists the team's lessons.
    pub fn lessons(&self) -> Items<Lesson> {
        self.items(&ListLessons::default())
    }

    /// Shows a lesson with one page of its users.
    pub async fn lesson_progress(&self, id: impl Into<String>) -> Result<LessonProgress, Error> {
        self.send(&ShowLessonProgress::new(id)).await
    }

    /// Lists the users of [`lesson_progress`](Self::lesson_progress). Only their ids say who they are.
    pub fn lesson_users(&self, id: impl Into<String>) -> Items<Learner> {
        self.items(&ShowLessonProgress::new(id))
    }

    /// Lists lessons with a tag such as `OWASP #8`, `CWE-601` or `Python`. They have no ids.
    pub fn search_lessons(&self, phrase: impl Into<String>) -> Items<FoundLesson> {
        let phrase = Some(phrase.into());
        self.items(&SearchLessons { phrase, ..SearchLessons::default() })
    }

    /// Lists the team's roles.
    pub async fn roles(&self) -> Result<Roles, Error> {
        self.send(&ListRoles::default()).await
    }

    /// Shows a role with one page of its users.
    pub async fn role_progress(&self, id: impl Into<String>) -> Result<RoleProgress, Error> {
        self.send(&ShowRoleProgress::new(id)).await
    }

    /// Lists the users of [`role_progress`](Self::role_progress).
    pub fn role_users(&self, id: impl Into<String>) -> Items<RoleMember> {
        self.items(&ShowRoleProgress::new(id))
    }

    /// Invites someone to the team. The error may say that they are invited [already](Error::is_already), or be
    /// [in doubt](Error::is_in_doubt).
    pub async fn invite(&self, request: &Invite) -> Result<Invited, Error> {
        self.send(request).await
    }
}

impl From<Connection> for Client {
    /// Calls over a connection, with its scope.
    fn from(connection: Connection) -> Self {
        Self { connection }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
